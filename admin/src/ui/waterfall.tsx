/** What followed on what, as bars over one span of time; it runs from left to right in every language, as charts do. */

import type { ReactNode } from "react";

import { classes } from "./classes.ts";
import type { Tone } from "./surface.tsx";

export interface Span {
  readonly id: string;
  readonly name: ReactNode;
  readonly note: string;
  readonly tone: Tone;
  /** Left out where nobody measured it: then there is no bar. */
  readonly start_ms: number | null;
  readonly duration_ms: number | null;
  /** Until then it was only waited for, and the bar is pale. */
  readonly first_ms?: number | null;
}

const FILLS: Readonly<Record<Tone, string>> = { plain: "fill-line-strong", accent: "fill-accent", good: "fill-good", warn: "fill-warn", bad: "fill-bad" };
const THINNEST = 0.6;

export function Waterfall({ label, spans, total_ms }: { readonly label: string; readonly spans: readonly Span[]; readonly total_ms: number }) {
  const longest = Math.max(total_ms, 1, ...spans.map(({ start_ms, duration_ms }) => (start_ms ?? 0) + (duration_ms ?? 0)));
  return (
    <ol aria-label={label} className="grid gap-1.5">
      {spans.map((span) => (
        <li key={span.id} className="grid items-center gap-x-3 gap-y-0.5 sm:grid-cols-[minmax(0,11rem)_minmax(0,1fr)_minmax(0,11rem)]">
          <span className="min-w-0 truncate">{span.name}</span>
          <svg aria-hidden="true" className="h-3.5 w-full rounded-md bg-sunken"><Bar span={span} longest={longest} /></svg>
          <span className="text-xs text-faint">{span.note}</span>
        </li>
      ))}
    </ol>
  );
}

function Bar({ span: { start_ms, duration_ms, first_ms, tone }, longest }: { readonly span: Span; readonly longest: number }) {
  if (start_ms === null) return null;
  const end = start_ms + (duration_ms ?? 0);
  const first = Math.min(first_ms ?? start_ms, end);
  return (
    <>
      <Part from={start_ms} to={first} longest={longest} className={classes(FILLS[tone], "opacity-40")} />
      <Part from={first} to={end} longest={longest} className={FILLS[tone]} isAlways />
    </>
  );
}

/** Attributes of the drawing and no style, which the page's policy forbids. */
function Part({ from, to, longest, className, isAlways = false }: { readonly from: number; readonly to: number; readonly longest: number; readonly className: string; readonly isAlways?: boolean }) {
  const width = (100 * (to - from)) / longest;
  if (width === 0 && !isAlways) return null;
  const shown = Math.max(width, THINNEST);
  return <rect x={`${Math.min((100 * from) / longest, 100 - shown)}%`} width={`${shown}%`} height="100%" className={className} />;
}
