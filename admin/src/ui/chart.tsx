/** Charts, drawn after the figures beside them; the same figures stand in a table for who does not see them. */

import { Suspense, startTransition, useEffect, useState } from "react";

import { useMessages } from "../language.tsx";
import { classes } from "./classes.ts";
import { deferred } from "./deferred.tsx";

export const COLORS = {
  accent: { ink: "var(--accent)", swatch: "bg-accent" },
  good: { ink: "var(--good)", swatch: "bg-good" },
  warn: { ink: "var(--warn)", swatch: "bg-warn" },
  bad: { ink: "var(--bad)", swatch: "bg-bad" },
  faint: { ink: "var(--ink-faint)", swatch: "bg-faint" },
} as const;

export interface Series {
  readonly id: string;
  readonly title: string;
  readonly color: keyof typeof COLORS;
}

export interface ChartProps {
  readonly title: string;
  readonly kind?: "area" | "bar";
  /** One a point: its place on the axis, and a value of each series. */
  readonly points: readonly { readonly at: string; readonly [series: string]: string | number }[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly formatAt: (at: string) => string;
}

const Drawing = deferred(() => import("./drawing.tsx").then((loaded) => loaded.Drawing));

export function Chart(props: ChartProps) {
  const t = useMessages();
  const { title, points, series, format, formatAt } = props;
  const [isDrawn, setDrawn] = useState(false);
  useEffect(() => {
    // The drawing takes its time: it is begun after the frame that shows what stands beside it.
    const frame = requestAnimationFrame(() => setTimeout(() => startTransition(() => setDrawn(true))));
    return () => cancelAnimationFrame(frame);
  }, []);
  const room = <div className="h-full animate-pulse rounded-md bg-sunken" />;
  return (
    <figure className="grid gap-2">
      <div aria-hidden="true" dir="ltr" className="h-56 min-w-0">
        <Suspense fallback={room}>{isDrawn ? <Drawing {...props} /> : room}</Suspense>
      </div>
      {series.length > 1 && (
        <ul aria-hidden="true" className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-faint">
          {series.map(({ id, title: name, color }) => (
            <li key={id} className="flex items-center gap-1.5"><i className={classes("size-2.5 rounded-sm", COLORS[color].swatch)} />{name}</li>
          ))}
        </ul>
      )}
      <details>
        <summary className="text-xs text-faint">{t.common.asTable}</summary>
        <div className="max-h-72 overflow-auto" tabIndex={0} role="group" aria-label={title}>
          <table className="mt-2 w-full text-sm">
            <caption className="sr-only">{title}</caption>
            <thead>
              <tr className="text-faint">
                <th scope="col" className="py-1 text-start font-medium">{t.common.when}</th>
                {series.map((each) => <th key={each.id} scope="col" className="py-1 text-end font-medium">{each.title}</th>)}
              </tr>
            </thead>
            <tbody>
              {points.map((point) => (
                <tr key={point.at} className="border-t border-line">
                  <th scope="row" className="py-1 text-start font-normal">{formatAt(point.at)}</th>
                  {series.map((each) => <td key={each.id} className="py-1 text-end">{format(Number(point[each.id] ?? 0))}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
