/** The first page: what happened, and what asks for attention. */

import { Navigate } from "react-router";

import { useRead } from "../api/query.ts";
import type { Dashboard, Used } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useDestinations } from "../shell/navigation.ts";
import { Chart } from "../ui/chart.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Card, Figure, Figures } from "../ui/surface.tsx";
import { useFilters } from "../url.ts";
import { Attention, Feed, Savings, TopTools } from "./home-parts.tsx";
import { StopSpending } from "./kill-switches.tsx";
import { SpanFilter } from "./usage-parts.tsx";

const EVERY_MS = 60_000;

/** Who has no use for this page starts at the first that is theirs. */
export function Component() {
  const t = useMessages();
  const [first] = useDestinations();
  if (first === undefined) return <Page title={t.home.title}><Empty title={t.shell.noClient}>{t.shell.chooseClient}</Empty></Page>;
  return first.to === "/" ? <Home /> : <Navigate to={first.to} replace />;
}

function Home() {
  const t = useMessages();
  const [{ days }, setFilters] = useFilters({ days: "30" });
  const read = useRead("GET /admin/dashboard", { query: { days: days as "7" | "30" | "90" } }, { every: EVERY_MS });
  return (
    <Page title={t.home.title} lead={t.home.lead} actions={<StopSpending />}>
      <Filters><SpanFilter days={days} onChoose={(next) => setFilters({ days: next })} /></Filters>
      <Shown read={read}>{(dashboard) => <Overview dashboard={dashboard} />}</Shown>
    </Page>
  );
}

export function Overview({ dashboard }: { readonly dashboard: Dashboard }) {
  const t = useMessages();
  const formats = useFormats();
  const points = dashboard.series.map((day) => ({ at: day.date, conversations: day.conversations, cost: Number(day.cost) }));
  return (
    <>
      <Today dashboard={dashboard} />
      <div className="grid gap-4 lg:grid-cols-2">
        <Card title={t.home.perDay}>
          <Chart title={t.home.perDay} points={points} series={[{ id: "conversations", title: t.home.conversations, color: "accent" }]} format={formats.number} formatAt={formats.date} />
        </Card>
        <Card title={t.home.costPerDay}>
          <Chart title={t.home.costPerDay} kind="bar" points={points} series={[{ id: "cost", title: t.home.cost, color: "accent" }]} format={formats.money} formatAt={formats.date} />
        </Card>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="grid gap-4">
          <Attention dashboard={dashboard} />
          <TopTools tools={dashboard.tools} />
          <Savings savings={dashboard.savings} />
        </div>
        <Feed activity={dashboard.activity} />
      </div>
    </>
  );
}

function Today({ dashboard: { clients, today } }: { readonly dashboard: Dashboard }) {
  const t = useMessages();
  const formats = useFormats();
  const named = [
    [t.home.conversations, (used: Used) => used.conversations, formats.number],
    [t.home.messages, (used: Used) => used.messages, formats.number],
    [t.home.toolCalls, (used: Used) => used.tool_calls, formats.number],
    [t.home.tokens, (used: Used) => used.tokens_input + used.tokens_output, formats.short],
    [t.home.cost, (used: Used) => Number(used.cost), (value: number) => formats.money(value)],
  ] as const;
  return (
    <Figures>
      <Figure label={t.home.clients} value={formats.number(clients.total)} note={t.home.active(formats.number(clients.active))} />
      {named.map(([label, of, format]) => (
        <Figure key={label} label={`${label}, ${t.home.today}`} value={format(of(today.used))} note={<Trend now={of(today.used)} before={of(today.yesterday)} />} />
      ))}
    </Figures>
  );
}

function Trend({ now, before }: { readonly now: number; readonly before: number }) {
  const t = useMessages();
  const formats = useFormats();
  if (before === 0) return now === 0 ? t.home.sameAsYesterday : t.home.noYesterday;
  const change = (now - before) / before;
  return change === 0 ? t.home.sameAsYesterday : t.home.yesterday(`${change > 0 ? "+" : "−"}${formats.percent(Math.abs(change))}`);
}
