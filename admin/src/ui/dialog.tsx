/** Dialogs: for a form, and for a question before what cannot be taken back. */

import type { ReactNode } from "react";

import { useMessages } from "../language.tsx";
import { Button } from "./button.tsx";
import { Overlay, deferred } from "./deferred.tsx";

export interface DialogProps {
  readonly title: string;
  readonly description?: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly isWide?: boolean;
  readonly children: ReactNode;
}

const Window = deferred(() => import("./dialog-window.tsx").then((loaded) => loaded.Window));

export function Dialog({ isOpen, ...rest }: DialogProps) {
  return isOpen && <Overlay onClose={rest.onClose}><Window {...rest} /></Overlay>;
}

interface ConfirmProps extends Omit<DialogProps, "children" | "isWide"> {
  readonly action: string;
  readonly isBusy?: boolean;
  readonly onConfirm: () => void;
  readonly children?: ReactNode;
}

export function Confirm({ action, isBusy = false, onConfirm, children, ...rest }: ConfirmProps) {
  const t = useMessages();
  return (
    <Dialog {...rest}>
      {children}
      <Actions>
        <Button onClick={rest.onClose}>{t.common.cancel}</Button>
        <Button look="danger" isBusy={isBusy} onClick={onConfirm}>{action}</Button>
      </Actions>
    </Dialog>
  );
}

/** The buttons at the end of a form. */
export function Actions({ children }: { readonly children: ReactNode }) {
  return <div className="mt-4 flex flex-wrap justify-end gap-2">{children}</div>;
}
