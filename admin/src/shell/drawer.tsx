/** The menu over the page, where there is no room beside it. */

import * as Radix from "@radix-ui/react-dialog";
import { X } from "lucide-react";

import { useMessages } from "../language.tsx";
import { IconButton } from "../ui/button.tsx";
import { focusItself } from "../ui/dialog-window.tsx";
import { Brand, Destinations } from "./sidebar.tsx";

export function Drawer({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <div aria-hidden="true" className="fixed inset-0 z-40 bg-[#0b0e14]/55" />
        <Radix.Content aria-describedby={undefined} onOpenAutoFocus={focusItself} className="fixed inset-y-0 start-0 z-40 w-72 max-w-[85vw] overflow-y-auto bg-surface px-3 pb-6 shadow-pop outline-none">
          <Radix.Title className="sr-only">{t.common.mainMenu}</Radix.Title>
          <div className="flex items-center justify-between">
            <Brand />
            <Radix.Close asChild><IconButton icon={X} label={t.common.close} /></Radix.Close>
          </div>
          <Destinations />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
