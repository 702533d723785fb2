/** A button that asks before it does what it says. */

import type { LucideIcon } from "lucide-react";
import { useState } from "react";

import { Button } from "./button.tsx";
import { Confirm } from "./dialog.tsx";

interface Props {
  readonly action: string;
  readonly title: string;
  readonly description: string;
  readonly icon?: LucideIcon;
  readonly look?: "danger" | "plain";
  readonly isBusy: boolean;
  readonly onConfirm: () => void;
}

export function AskedButton({ action, title, description, icon, look = "danger", isBusy, onConfirm }: Props) {
  const [isAsked, setAsked] = useState(false);
  const confirm = () => {
    setAsked(false);
    onConfirm();
  };
  return (
    <>
      <Button look={look} isBusy={isBusy} onClick={() => setAsked(true)} {...(icon && { icon })}>{action}</Button>
      <Confirm title={title} description={description} action={action} isOpen={isAsked} onClose={() => setAsked(false)} onConfirm={confirm} />
    </>
  );
}
