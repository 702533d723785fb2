/** What all clients used, by model and by client. */

import { useRead } from "../api/query.ts";
import type { SpendingClient } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";
import { type Column, List, Table } from "../ui/table.tsx";
import { useFilters } from "../url.ts";
import { SpanFilter, Totals, spanOf, useModelColumns } from "./usage-parts.tsx";

export function Component() {
  const t = useMessages();
  const [{ days }, setFilters] = useFilters({ days: "30" });
  const read = useRead("GET /admin/usage/providers", { query: spanOf(days) });
  const columns = useClientColumns();
  const modelColumns = useModelColumns();
  return (
    <Page title={t.usage.title2} lead={t.usage.lead}>
      <Filters><SpanFilter days={days} onChoose={(next) => setFilters({ days: next })} /></Filters>
      <Shown read={read}>
        {({ total, clients }) => (
          <>
            <Totals total={total} />
            <Card title={t.usage.byClient} isFlush>
              <Table label={t.usage.byClient} columns={columns} rows={clients} keyOf={({ client_id }) => client_id} linkOf={({ client_id }) => `/clients/${client_id}/usage`} empty={<Empty title={t.usage.empty} />} />
            </Card>
            <List
              label={t.usage.byModel}
              read={read}
              rowsOf={({ providers }) => providers.flatMap(({ models }) => models)}
              columns={modelColumns}
              keyOf={({ provider, model }) => `${provider}/${model}`}
              empty={<Empty title={t.usage.empty} />}
            />
          </>
        )}
      </Shown>
    </Page>
  );
}

function useClientColumns(): readonly Column<SpendingClient>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "client", title: t.usage.client, isPrimary: true, cell: ({ name }) => name, sort: ({ name }) => name },
    { id: "client-calls", title: t.usage.calls, isNumber: true, cell: ({ calls }) => formats.number(calls), sort: ({ calls }) => calls },
    { id: "client-in", title: t.usage.tokensIn, isNumber: true, cell: ({ tokens_input }) => formats.number(tokens_input), sort: ({ tokens_input }) => tokens_input },
    { id: "client-out", title: t.usage.tokensOut, isNumber: true, cell: ({ tokens_output }) => formats.number(tokens_output), sort: ({ tokens_output }) => tokens_output },
    { id: "client-cost", title: t.usage.cost, isNumber: true, cell: ({ cost }) => formats.money(cost), sort: ({ cost }) => Number(cost) },
  ];
}
