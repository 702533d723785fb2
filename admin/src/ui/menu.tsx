/** A button of the bar with a list of things to do, which the browser opens, closes and keeps above all else; the keys within it are ours. */

import { Check, type LucideIcon } from "lucide-react";
import { type FocusEvent, type KeyboardEvent, type MouseEvent, type ReactNode, type ToggleEvent, useId } from "react";

import { IconButton } from "./button.tsx";

const ITEM = "flex min-h-8 w-full cursor-pointer items-center gap-2 rounded-md px-2 py-1 text-start outline-none select-none hover:bg-accent-soft focus:bg-accent-soft phone:min-h-10";

export function Menu({ icon, label, children }: { readonly icon: LucideIcon; readonly label: string; readonly children: ReactNode }) {
  const id = useId();
  return (
    <>
      <IconButton icon={icon} label={label} popoverTarget={id} aria-haspopup="menu" />
      <div id={id} popover="auto" role="menu" aria-label={label} tabIndex={-1} onToggle={enter} onKeyDown={move} onClick={choose} onBlur={leave} className="inset-auto end-3 top-13 max-h-96 min-w-48 overflow-y-auto rounded-lg border border-line bg-raised p-1 text-ink shadow-pop outline-none sm:end-6">
        {children}
      </div>
    </>
  );
}

function enter({ newState, currentTarget }: ToggleEvent<HTMLElement>): void {
  if (newState === "open") itemsOf(currentTarget)[0]?.focus();
}

function choose({ target, currentTarget }: MouseEvent<HTMLElement>): void {
  if (target instanceof Element && target.closest("button") !== null) currentTarget.hidePopover();
}

/** Where the focus goes elsewhere, as to what a shortcut opens; its own button closes it by itself. */
function leave({ relatedTarget, currentTarget }: FocusEvent<HTMLElement>): void {
  const isElsewhere = relatedTarget instanceof HTMLElement && !currentTarget.contains(relatedTarget);
  if (isElsewhere && relatedTarget.getAttribute("popovertarget") !== currentTarget.id) currentTarget.hidePopover();
}

function move(event: KeyboardEvent<HTMLElement>): void {
  // Those are the browser's, and the page's.
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const items = itemsOf(event.currentTarget);
  const at = items.findIndex((item) => item === document.activeElement);
  if (event.key === "Tab") event.currentTarget.hidePopover();
  else if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
  else if (event.key === "ArrowUp") items.at(at <= 0 ? -1 : at - 1)?.focus();
  else if (event.key === "Home") items[0]?.focus();
  else if (event.key === "End") items.at(-1)?.focus();
  else if (event.key.length === 1 && event.key !== " ") [...items.slice(at + 1), ...items].find(({ textContent }) => textContent.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
  else return;
  event.preventDefault();
}

function itemsOf(menu: HTMLElement): readonly HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("button")];
}

export function MenuItem({ onSelect, children }: { readonly onSelect: () => void; readonly children: ReactNode }) {
  return <button type="button" role="menuitem" tabIndex={-1} onClick={onSelect} className={ITEM}>{children}</button>;
}

interface ChoiceProps<T extends string> {
  readonly title: string;
  readonly value: T;
  readonly choices: Readonly<Record<T, string>>;
  readonly onChoose: (value: T) => void;
}

export function MenuChoice<T extends string>({ title, value, choices, onChoose }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div role="group" aria-labelledby={id}>
      <p id={id} className="px-2 pt-1.5 text-xs text-faint">{title}</p>
      {(Object.keys(choices) as T[]).map((choice) => (
        <button key={choice} type="button" role="menuitemradio" aria-checked={choice === value} tabIndex={-1} onClick={() => onChoose(choice)} className={ITEM}>
          <span className="flex-1">{choices[choice]}</span>
          {choice === value && <Check size={14} aria-hidden="true" />}
        </button>
      ))}
    </div>
  );
}

export function MenuLine() {
  return <div role="separator" className="my-1 h-px bg-line" />;
}
