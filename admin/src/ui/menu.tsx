/** A button with a list of things to do. */

import * as Radix from "@radix-ui/react-dropdown-menu";
import { Check } from "lucide-react";
import type { ReactNode } from "react";

import { classes } from "./classes.ts";
import { directionOf, useLanguage } from "../language.tsx";

const ITEM = "flex min-h-8 cursor-pointer items-center gap-2 rounded-md px-2 py-1 outline-none select-none data-disabled:opacity-50 data-highlighted:bg-accent-soft phone:min-h-10";

export function Menu({ trigger, children, align = "end" }: { readonly trigger: ReactNode; readonly children: ReactNode; readonly align?: "start" | "end" }) {
  const { language } = useLanguage();
  return (
    // Not modal: locking the page's scrolling writes a style element, which our policy forbids.
    <Radix.Root modal={false} dir={directionOf(language)}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Content align={align} sideOffset={6} collisionPadding={8} className="z-50 max-h-96 min-w-48 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-pop">
        {children}
      </Radix.Content>
    </Radix.Root>
  );
}

export function MenuItem({ onSelect, isBad = false, disabled = false, children }: { readonly onSelect: () => void; readonly isBad?: boolean; readonly disabled?: boolean; readonly children: ReactNode }) {
  return <Radix.Item disabled={disabled} onSelect={onSelect} className={classes(ITEM, isBad && "text-bad")}>{children}</Radix.Item>;
}

interface ChoiceProps<T extends string> {
  readonly title: string;
  readonly value: T;
  readonly choices: Readonly<Record<T, string>>;
  readonly onChoose: (value: T) => void;
}

export function MenuChoice<T extends string>({ title, value, choices, onChoose }: ChoiceProps<T>) {
  return (
    <Radix.Group>
      <Radix.Label className="px-2 pt-1.5 text-xs text-faint">{title}</Radix.Label>
      <Radix.RadioGroup value={value} onValueChange={(chosen) => onChoose(chosen as T)}>
        {(Object.keys(choices) as T[]).map((choice) => (
          <Radix.RadioItem key={choice} value={choice} className={classes(ITEM, "justify-between")}>
            {choices[choice]}
            <Radix.ItemIndicator><Check size={14} aria-hidden="true" /></Radix.ItemIndicator>
          </Radix.RadioItem>
        ))}
      </Radix.RadioGroup>
    </Radix.Group>
  );
}

export function MenuLine() {
  return <Radix.Separator className="my-1 h-px bg-line" />;
}
