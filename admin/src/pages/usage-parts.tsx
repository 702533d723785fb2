/** What both pages of usage show. */

import type { ModelUsage, Spending } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { FilterSelect } from "../ui/field.tsx";
import { Figure, Figures, Mono, Notice } from "../ui/surface.tsx";
import type { Column } from "../ui/table.tsx";

const DAY_MS = 86_400_000;
export const SPANS = ["7", "30", "90"];

export interface Span {
  readonly first: string;
  readonly last: string;
}

/** The last so many days, today with them, in UTC as the ledger has it. */
export function spanOf(days: string, now = Date.now()): Span {
  const count = Math.max(1, Number(days) || 30);
  return { first: dayOf(now - (count - 1) * DAY_MS), last: dayOf(now) };
}

function dayOf(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10);
}

export function SpanFilter({ days, onChoose }: { readonly days: string; readonly onChoose: (days: string) => void }) {
  const t = useMessages();
  return <FilterSelect label={t.usage.span} value={days} onChoose={onChoose} choices={SPANS.map((span) => ({ value: span, label: t.usage.spans(Number(span)) }))} />;
}

export function Totals({ total }: { readonly total: Spending }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <>
      {total.unpriced_calls > 0 && <Notice>{t.usage.unpriced(total.unpriced_calls)}</Notice>}
      {total.estimated_calls > 0 && <Notice tone="plain">{t.usage.estimated(total.estimated_calls)}</Notice>}
      <Figures>
        <Figure label={t.usage.cost} value={formats.money(total.cost)} />
        <Figure label={t.usage.saved} value={formats.money(total.saved)} />
        <Figure label={t.usage.calls} value={formats.number(total.calls)} />
        <Figure label={t.usage.tokensIn} value={formats.short(total.tokens_input)} />
        <Figure label={t.usage.tokensOut} value={formats.short(total.tokens_output)} />
      </Figures>
    </>
  );
}

export function useModelColumns<T extends ModelUsage>(): readonly Column<T>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "model", title: t.usage.model, isPrimary: true, cell: ({ model }) => <Mono>{model}</Mono>, sort: ({ model }) => model },
    { id: "provider", title: t.usage.provider, cell: ({ provider }) => provider, sort: ({ provider }) => provider },
    { id: "calls", title: t.usage.calls, isNumber: true, cell: ({ calls }) => formats.number(calls), sort: ({ calls }) => calls },
    { id: "in", title: t.usage.tokensIn, isNumber: true, cell: ({ tokens_input }) => formats.number(tokens_input), sort: ({ tokens_input }) => tokens_input },
    { id: "out", title: t.usage.tokensOut, isNumber: true, cell: ({ tokens_output }) => formats.number(tokens_output), sort: ({ tokens_output }) => tokens_output },
    { id: "cost", title: t.usage.cost, isNumber: true, cell: ({ cost }) => formats.money(cost), sort: ({ cost }) => Number(cost) },
  ];
}
