/** The plans: what they cost, and who is on them. */

import { useRead } from "../api/query.ts";
import type { PlanItem } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";

export const READ_PLANS = "GET /admin/plans";

export function Component() {
  const t = useMessages();
  const read = useRead(READ_PLANS, {});
  return (
    <Page title={t.plans.title} lead={t.plans.lead}>
      <List label={t.plans.title} read={read} rowsOf={({ plans }) => plans} columns={useColumns()} keyOf={({ plan }) => plan} linkOf={({ plan }) => encodeURIComponent(plan)} empty={<Empty title={t.plans.empty} />} />
    </Page>
  );
}

function useColumns(): readonly Column<PlanItem>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "plan", title: t.clients.plan, isPrimary: true, cell: ({ plan }) => <Mono>{plan}</Mono>, sort: ({ plan }) => plan },
    { id: "title", title: t.common.name, cell: ({ title }) => <bdi>{title || "–"}</bdi> },
    { id: "clients", title: t.clients.title, isNumber: true, cell: ({ clients }) => formats.number(clients), sort: ({ clients }) => clients },
    { id: "base", title: t.plans.base, isNumber: true, cell: ({ base, currency }) => formats.money(base, currency), sort: ({ base }) => Number(base) },
    { id: "rate", title: t.plans.usageRate, isNumber: true, cell: ({ usage_rate, currency }) => formats.money(usage_rate, currency) },
    { id: "limits", title: t.plans.limits, cell: ({ limits }) => <Limits limits={limits} /> },
  ];
}

export function Limits({ limits }: { readonly limits: PlanItem["limits"] }) {
  const t = useMessages();
  const formats = useFormats();
  const shown = Object.entries(limits).map(([metric, limit]) => (
    <li key={metric}>{labelOf(t.plans.metrics, metric)}: <bdi>{metric === "cost" ? formats.money(limit / 1_000_000) : formats.number(limit)}</bdi></li>
  ));
  return shown.length === 0 ? t.plans.unlimited : <ul>{shown}</ul>;
}
