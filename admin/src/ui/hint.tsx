/** A few words beside something that has none of its own. */

import * as Tooltip from "@radix-ui/react-tooltip";
import type { ReactNode } from "react";

export const HintProvider = Tooltip.Provider;

export function Hint({ text, children }: { readonly text: string; readonly children: ReactNode }) {
  return (
    <Tooltip.Root delayDuration={400}>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      {/* In its place rather than at the end of the body, where it would be outside of all landmarks. */}
      <Tooltip.Content sideOffset={6} className="z-50 max-w-64 rounded-md bg-ink px-2 py-1 text-xs text-ground shadow-pop">
        {text}
      </Tooltip.Content>
    </Tooltip.Root>
  );
}
