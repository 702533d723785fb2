/** Charts, fetched when the first one is shown; the same figures stand in a table for who does not see them. */

import { Suspense, lazy } from "react";

import { useMessages } from "../language.tsx";

export interface Series {
  readonly id: string;
  readonly title: string;
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

const Drawing = lazy(() => import("./drawing.tsx"));

export function Chart(props: ChartProps) {
  const t = useMessages();
  const { title, points, series, format, formatAt } = props;
  return (
    <figure className="grid gap-2">
      <div aria-hidden="true" dir="ltr" className="h-56 min-w-0">
        <Suspense fallback={<div className="h-full animate-pulse rounded-md bg-sunken" />}>
          <Drawing {...props} />
        </Suspense>
      </div>
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
