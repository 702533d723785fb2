/** What a change was made to: its kind in words, and which one it is. */

import { labelOf } from "../label.ts";
import { useMessages } from "../language.tsx";
import { Mono } from "../ui/surface.tsx";

export function AuditObject({ object }: { readonly object: string }) {
  const t = useMessages();
  const [kind = "", ...rest] = object.split(":");
  const id = rest.join(":");
  return <>{labelOf(t.audit.objects, kind)}{id && <> <span className="text-faint"><Mono>{id}</Mono></span></>}</>;
}
