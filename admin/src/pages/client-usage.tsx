/** What a client used, by day and by model. */

import { Download } from "lucide-react";
import { memo } from "react";

import { urlOf } from "../api/client.ts";
import { useRead } from "../api/query.ts";
import type { UsageHistory } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { DownloadLink } from "../ui/button.tsx";
import { Chart } from "../ui/chart.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";
import { List } from "../ui/table.tsx";
import { useFilters } from "../url.ts";
import { Savings } from "./home-parts.tsx";
import { SpanFilter, Totals, spanOf, useModelColumns } from "./usage-parts.tsx";

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const [{ days }, setFilters] = useFilters({ days: "30" });
  const query = spanOf(days);
  const columns = useModelColumns();
  const usage = useRead("GET /admin/clients/{client_id}/usage", { path, query });
  const dashboard = useRead("GET /admin/clients/{client_id}/dashboard", { path, query: { days: days as "7" | "30" | "90" } });
  const history = useRead("GET /admin/clients/{client_id}/usage/history", { path, query });
  return (
    <Page title={t.usage.title} lead={t.usage.clientLead} actions={<DownloadLink icon={Download} href={urlOf("GET /admin/clients/{client_id}/usage/export", { path, query })}>{t.usage.export}</DownloadLink>}>
      <Filters><SpanFilter days={days} onChoose={(next) => setFilters({ days: next })} /></Filters>
      <Shown read={usage} after={[history]}>
        {({ total }) => (
          <>
            <Totals total={total} />
            <Shown read={history}>{(data) => <Days history={data} />}</Shown>
            <Shown read={dashboard} room={<Savings />}>{({ savings }) => <Savings savings={savings} />}</Shown>
            <List
              label={t.usage.byModel}
              read={usage}
              rowsOf={({ providers }) => providers.flatMap(({ models }) => models)}
              columns={columns}
              keyOf={({ provider, model }) => `${provider}/${model}`}
              empty={<Empty title={t.usage.empty} />}
            />
          </>
        )}
      </Shown>
    </Page>
  );
}

/** Its charts are drawn again for other days only, not because something beside them has come. */
const Days = memo(function Days({ history }: { readonly history: UsageHistory }) {
  const t = useMessages();
  const formats = useFormats();
  const points = history.days.map(({ date, total }) => ({ at: date, cost: Number(total.cost), input: total.tokens_input, output: total.tokens_output }));
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Card title={t.usage.perDay}>
        <Chart title={t.usage.perDay} points={points} series={[{ id: "cost", title: t.usage.cost, color: "accent" }]} format={formats.money} formatAt={formats.date} />
      </Card>
      <Card title={t.usage.tokensPerDay}>
        <Chart title={t.usage.tokensPerDay} kind="bar" points={points} series={[{ id: "input", title: t.usage.tokensIn, color: "accent" }, { id: "output", title: t.usage.tokensOut, color: "good" }]} format={formats.short} formatAt={formats.date} />
      </Card>
    </div>
  );
});
