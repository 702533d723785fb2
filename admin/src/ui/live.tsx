/** Whether what a page shows is followed as it happens. */

import { Radio, Unplug } from "lucide-react";

import { useMessages } from "../language.tsx";
import { Badge } from "./surface.tsx";

export function Live({ isLive }: { readonly isLive: boolean | undefined }) {
  const t = useMessages();
  const Icon = isLive ? Radio : Unplug;
  return (
    <span role="status" className="self-center">
      {isLive !== undefined && (
        <Badge tone={isLive ? "good" : "warn"}>
          <Icon size={13} aria-hidden="true" className="me-1" />
          {isLive ? t.common.live : t.common.notLive}
        </Badge>
      )}
    </span>
  );
}
