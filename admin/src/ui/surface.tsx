/** What pages are laid out with: cards, figures, badges, lists of facts, code. */

import { Check, Copy } from "lucide-react";
import { type ReactNode, useId, useState } from "react";

import { useMessages } from "../language.tsx";
import { Button, IconButton } from "./button.tsx";
import { classes } from "./classes.ts";
import { useToasts } from "./toast.tsx";

interface CardProps {
  readonly title?: string;
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  readonly isFlush?: boolean;
  readonly children: ReactNode;
}

export function Card({ title, hint, actions, isFlush = false, children }: CardProps) {
  const id = useId();
  return (
    <section aria-labelledby={title === undefined ? undefined : id} className="min-w-0 rounded-lg border border-line bg-surface">
      {title !== undefined && (
        <header className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2.5">
          <div className={classes("min-w-0 flex-1", Boolean(hint) && "basis-64")}>
            <h2 id={id} className="font-semibold">{title}</h2>
            {hint && <p className="text-sm text-faint"><bdi>{hint}</bdi></p>}
          </div>
          {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
        </header>
      )}
      <div className={classes(!isFlush && "p-4")}>{children}</div>
    </section>
  );
}

export function Figure({ label, value, note }: { readonly label: string; readonly value: ReactNode; readonly note?: ReactNode }) {
  return (
    <div className="min-w-0 rounded-lg border border-line bg-surface px-4 py-3">
      <dt className="text-sm text-soft">{label}</dt>
      <dd className="mt-0.5 text-xl font-semibold tracking-tight">{value}</dd>
      {note && <dd className="mt-0.5 text-xs text-faint">{note}</dd>}
    </div>
  );
}

export function Figures({ children }: { readonly children: ReactNode }) {
  return <dl className="grid grid-cols-[repeat(auto-fit,minmax(9rem,1fr))] gap-3">{children}</dl>;
}

const TONES = {
  plain: "bg-sunken text-soft",
  accent: "bg-accent-soft text-accent-strong",
  good: "bg-good-soft text-good",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
} as const;

export type Tone = keyof typeof TONES;

export function Badge({ tone = "plain", children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return <span className={classes("inline-flex items-center rounded-md px-1.5 py-0.5 text-xs font-medium whitespace-nowrap", TONES[tone])}>{children}</span>;
}

export function Notice({ tone = "warn", title, children }: { readonly tone?: Tone; readonly title?: string; readonly children: ReactNode }) {
  return (
    <div className={classes("rounded-md px-3 py-2 wrap-anywhere", TONES[tone])}>
      {title !== undefined && <p className="font-semibold"><bdi>{title}</bdi></p>}
      <div>{typeof children === "string" ? <bdi>{children}</bdi> : children}</div>
    </div>
  );
}

/** Facts by name; what is not known is a dash. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[fit-content(45%)_minmax(0,1fr)] gap-x-4 gap-y-1.5">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="min-w-32 text-faint">{name}</dt>
          <dd className="min-w-0 wrap-anywhere">{isUnknown(value) ? "–" : typeof value === "string" ? <bdi>{value}</bdi> : value}</dd>
        </div>
      ))}
    </dl>
  );
}

function isUnknown(value: ReactNode): boolean {
  return value === null || value === undefined || value === false || value === "";
}

export function Code({ text, label, isCopied = true }: { readonly text: string; readonly label: string; readonly isCopied?: boolean }) {
  return (
    <div dir="ltr" className="relative min-w-0 rounded-md border border-line bg-sunken">
      {isCopied && <div className="absolute end-1 top-1"><CopyButton text={text} /></div>}
      <pre tabIndex={0} role="group" aria-label={label} className="max-h-96 overflow-auto p-3 pe-10 font-mono text-xs whitespace-pre-wrap wrap-anywhere">{text}</pre>
    </div>
  );
}

/** Any JSON, as it is read best. */
export function JsonView({ value, label }: { readonly value: unknown; readonly label: string }) {
  return <Code text={JSON.stringify(value, null, 2) ?? ""} label={label} />;
}

export function CopyButton({ text, children }: { readonly text: string; readonly children?: ReactNode }) {
  const t = useMessages();
  const toasts = useToasts();
  const [isDone, setDone] = useState(false);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setDone(true),
      () => toasts.fail(new Error(t.common.copyFailed)),
    );
  const icon = isDone ? Check : Copy;
  if (children === undefined) return <IconButton icon={icon} label={isDone ? t.common.copied : t.common.copy} onClick={() => void copy()} onBlur={() => setDone(false)} />;
  return <Button icon={icon} onClick={() => void copy()} onBlur={() => setDone(false)}>{isDone ? t.common.copied : children}</Button>;
}

/** Figures with their units, where another language would turn their order around. */
export function LeftToRight({ children }: { readonly children: ReactNode }) {
  return <bdi dir="ltr" className="whitespace-nowrap">{children}</bdi>;
}

/** Ids, names of models, addresses: always written from left to right. */
export function Mono({ children }: { readonly children: ReactNode }) {
  return <bdi dir="ltr" className="font-mono text-[0.92em] wrap-anywhere">{children}</bdi>;
}
