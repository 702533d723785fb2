/** The command palette: type a few letters of where to go or what to do. */

import * as Radix from "@radix-ui/react-dialog";
import { Search } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useId, useState } from "react";

import { useMessages } from "../language.tsx";
import { classes } from "../ui/classes.ts";

export interface Command {
  readonly id: string;
  readonly title: string;
  readonly note?: string;
  readonly icon?: ReactNode;
  readonly run: () => void;
}

interface Props {
  readonly commands: readonly Command[];
  readonly onClose: () => void;
  /** What is typed, for who offers more by it. */
  readonly onType?: (text: string) => void;
}

const SHOWN_AT_MOST = 40;

export function Palette({ commands, onClose, onType }: Props) {
  const t = useMessages();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <div aria-hidden="true" className="fixed inset-0 z-40 bg-[#0b0e14]/55" />
        <Radix.Content className="fixed inset-x-0 top-[10vh] z-40 mx-auto flex max-h-[70vh] w-[calc(100%-1.5rem)] max-w-xl flex-col overflow-hidden rounded-lg border border-line bg-raised shadow-pop">
          <Radix.Title className="sr-only">{t.shell.palette}</Radix.Title>
          <Radix.Description className="sr-only">{t.shell.paletteHint}</Radix.Description>
          <Choices commands={commands} onClose={onClose} onType={onType} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Choices({ commands, onClose, onType }: { readonly commands: readonly Command[]; readonly onClose: () => void; readonly onType: ((text: string) => void) | undefined }) {
  const t = useMessages();
  const id = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = fitting(commands, text);
  const chosen = found[Math.min(at, found.length - 1)];
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) setAt((before) => (Math.min(before, found.length - 1) + step + found.length) % found.length);
    else if (event.key === "Enter") run(chosen);
    else return;
    event.preventDefault();
  };
  const type = (next: string) => {
    setText(next);
    setAt(0);
    onType?.(next);
  };
  return (
    <>
      <div className="flex items-center gap-2 border-b border-line px-3">
        <Search size={16} aria-hidden="true" className="text-faint" />
        <input
          role="combobox"
          aria-label={t.shell.search}
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={chosen && `${id}-${chosen.id}`}
          autoComplete="off"
          placeholder={t.shell.search}
          value={text}
          onChange={(event) => type(event.target.value)}
          onKeyDown={onKey}
          className="min-w-0 flex-1 bg-transparent py-3 text-lg outline-none"
        />
      </div>
      <ul id={`${id}-list`} role="listbox" aria-label={t.shell.palette} className="min-h-0 overflow-y-auto p-1">
        {found.map((command) => (
          <li
            key={command.id}
            id={`${id}-${command.id}`}
            role="option"
            aria-selected={command === chosen}
            ref={(element) => { if (command === chosen) element?.scrollIntoView({ block: "nearest" }); }}
            onPointerMove={() => setAt(found.indexOf(command))}
            onClick={() => run(command)}
            className={classes("flex min-h-9 cursor-pointer items-center gap-2 rounded-md px-2", command === chosen && "bg-accent-soft")}
          >
            {command.icon}
            <span className="min-w-0 flex-1 truncate">{command.title}</span>
            {command.note && <span className="text-xs text-soft">{command.note}</span>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p role="status" className="px-4 pb-4 text-soft">{t.shell.nothingFound}</p>}
    </>
  );
}

/** All words must occur, in any order; where the title begins with what was typed comes first. */
function fitting(commands: readonly Command[], text: string): readonly Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = commands.filter(({ title, note = "" }) => words.every((word) => `${title} ${note}`.toLowerCase().includes(word)));
  const begins = (command: Command): number => Number(words.length > 0 && command.title.toLowerCase().startsWith(words[0] ?? ""));
  return fits.toSorted((one, other) => begins(other) - begins(one)).slice(0, SHOWN_AT_MOST);
}
