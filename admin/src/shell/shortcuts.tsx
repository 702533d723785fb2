/** Keys that lead somewhere: one list, which the help shows too. Who needs single keys for speech or a switch turns them off. */

import { useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { useMessages } from "../language.tsx";
import { Checkbox } from "../ui/field.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useDestinations } from "./navigation.ts";

const STORED = "csai.shortcuts";
const SEQUENCE_MS = 1_500;

interface Shown {
  readonly palette: () => void;
  readonly help: () => void;
}

export function useShortcuts({ palette, help }: Shown): void {
  const navigate = useNavigate();
  const destinations = useDestinations();
  useEffect(() => {
    let since = 0;
    const onKey = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || !areOn()) return;
      const destination = event.timeStamp - since < SEQUENCE_MS && destinations.find(({ key }) => key === event.key);
      since = event.key === "g" ? event.timeStamp : 0;
      if (destination) void navigate(destination.to);
      else if (event.key === "?") help();
      else if (event.key === "/") focusFilter(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [navigate, destinations, palette, help]);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], [role='dialog'], [role='menu']") !== null;
}

function focusFilter(event: KeyboardEvent): void {
  const filter = document.querySelector<HTMLElement>("main search :is(input, select)");
  if (filter === null) return;
  event.preventDefault();
  filter.focus();
}

function areOn(): boolean {
  return localStorage.getItem(STORED) !== "off";
}

export function ShortcutsHelp({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const t = useMessages();
  const destinations = useDestinations();
  const [isOn, setOn] = useState(areOn);
  const toggle = (next: boolean) => {
    localStorage.setItem(STORED, next ? "on" : "off");
    setOn(next);
  };
  const fixed = [
    [["Ctrl", "K"], t.shell.keys.palette],
    [["?"], t.shell.keys.help],
    [["/"], t.shell.keys.search],
  ] as const;
  const places = destinations.flatMap(({ key, title, group }) => (key ? [[["g", key], `${title} (${t.shell.groups[group]})`] as const] : []));
  return (
    <Dialog title={t.shell.shortcuts} isOpen={isOpen} onClose={onClose}>
      <dl className="mb-4 grid grid-cols-[1fr_auto] gap-x-4 gap-y-2">
        {[...fixed, ...places].map(([keys, text]) => (
          <div key={text} className="contents">
            <dt>{text}</dt>
            <dd dir="ltr" className="flex justify-end gap-1">
              {keys.map((key) => <kbd key={key} className="rounded-md border border-line bg-sunken px-1.5 font-mono text-xs">{key}</kbd>)}
            </dd>
          </div>
        ))}
      </dl>
      <Checkbox label={t.shell.shortcutsOn} checked={isOn} onChange={(event) => toggle(event.target.checked)} />
    </Dialog>
  );
}
