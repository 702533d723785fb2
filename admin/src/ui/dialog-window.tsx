/** The window of a dialog: Radix, in a file of its own. */

import * as Radix from "@radix-ui/react-dialog";
import { X } from "lucide-react";

import { useMessages } from "../language.tsx";
import { IconButton } from "./button.tsx";
import { classes } from "./classes.ts";
import type { DialogProps } from "./dialog.tsx";

export function Window({ title, description, onClose, isWide = false, children }: Omit<DialogProps, "isOpen">) {
  const t = useMessages();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        {/* Not Radix' own overlay: that writes a style element, which our policy forbids. */}
        <div aria-hidden="true" className="fixed inset-0 z-40 bg-[#0b0e14]/55" />
        <Radix.Content
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          onOpenAutoFocus={focusItself}
          className={classes("fixed inset-x-0 top-[8vh] z-40 mx-auto flex max-h-[84vh] w-[calc(100%-1.5rem)] flex-col rounded-lg border border-line bg-raised shadow-pop outline-none", isWide ? "max-w-3xl" : "max-w-lg")}
        >
          <header className="flex items-start gap-4 border-b border-line px-4 py-3">
            <div className="min-w-0 flex-1">
              <Radix.Title className="text-lg font-semibold wrap-anywhere">{title}</Radix.Title>
              {description !== undefined && <Radix.Description className="text-soft">{description}</Radix.Description>}
            </div>
            <Radix.Close asChild><IconButton icon={X} label={t.common.close} /></Radix.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4" tabIndex={-1}>{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Rather than its first button, the closing one, whose hint would come up. */
export function focusItself(event: Event): void {
  event.preventDefault();
  if (event.target instanceof HTMLElement) event.target.focus();
}
