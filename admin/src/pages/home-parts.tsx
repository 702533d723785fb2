/** The lists of the first page. */

import { Link } from "react-router";

import type { Activity, Dashboard, ToolFigures } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import type { Messages } from "../messages/en/index.ts";
import { Empty } from "../ui/states.tsx";
import { Badge, Card, Facts, LeftToRight, Mono, Notice, type Tone } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";

/** What has to be looked after: plugins that fail, limits nearly reached. */
export function Attention({ dashboard: { plugins, limits } }: { readonly dashboard: Dashboard }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <>
      <Card title={t.home.failing}>
        {plugins.length === 0 ? (
          <p className="text-soft">{t.home.allWell}</p>
        ) : (
          <div className="grid gap-2">
            {plugins.map(({ id, cause, remedy, state }) => <Notice key={id} tone={state === "quarantined" ? "bad" : "warn"} title={id}><bdi>{cause} {remedy}</bdi></Notice>)}
          </div>
        )}
      </Card>
      <Card title={t.home.limits}>
        {limits.length === 0 ? (
          <p className="text-soft">{t.home.noLimits}</p>
        ) : (
          <ul className="grid gap-2">
            {limits.map(({ client_id, client, metric, used, limit, part }) => (
              <li key={`${client_id}-${metric}`} className="flex flex-wrap items-center gap-2">
                <Link to={`/clients/${client_id}`} className="font-medium underline-offset-4 hover:underline">{client}</Link>
                <span>{labelOf(t.plans.metrics, metric)}</span>
                <Badge tone={part >= 1 ? "bad" : "warn"}>{formats.percent(part)}</Badge>
                <span className="text-faint"><LeftToRight>{formats.number(used)} / {formats.number(limit)}</LeftToRight></span>
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}

export function TopTools({ tools }: { readonly tools: readonly ToolFigures[] }) {
  const t = useMessages();
  const formats = useFormats();
  const columns: readonly Column<ToolFigures>[] = [
    { id: "tool", title: t.tools.tool, isPrimary: true, cell: ({ name }) => <Mono>{name}</Mono> },
    { id: "tool-calls", title: t.tools.calls, isNumber: true, cell: ({ calls }) => formats.number(calls) },
    { id: "tool-success", title: t.tools.successRate, isNumber: true, cell: ({ success_rate }) => (success_rate === null ? "–" : formats.percent(success_rate)) },
    { id: "tool-time", title: t.experiments.latency, isNumber: true, cell: ({ p50_ms, p95_ms }) => (p50_ms === null || p95_ms === null ? "–" : <LeftToRight>{formats.duration(p50_ms)} / {formats.duration(p95_ms)}</LeftToRight>) },
  ];
  return (
    <Card title={t.home.topTools} isFlush>
      <Table label={t.home.topTools} columns={columns} rows={tools} keyOf={({ name }) => name} empty={<Empty title={t.home.noTools} />} />
    </Card>
  );
}

/** Without figures: the room for them. */
export function Savings({ savings }: { readonly savings?: Dashboard["savings"] }) {
  const t = useMessages();
  const formats = useFormats();
  const coming = <span className="inline-block h-3 w-24 animate-pulse rounded-md bg-line" />;
  return (
    <Card title={t.home.savings}>
      <Facts
        facts={[
          [t.home.answersAgain, savings ? `${formats.number(savings.response_cache_answers)} · ${formats.money(savings.response_cache)}` : coming],
          [t.home.promptCache, savings ? formats.money(savings.prompt_cache) : coming],
          [t.home.routing, savings ? `${formats.number(savings.routing_messages)} · ${formats.money(savings.routing)}` : coming],
        ]}
      />
    </Card>
  );
}

const KIND_TONES: Readonly<Record<Activity["kind"], Tone>> = { conversation: "plain", handoff: "warn", change: "accent", limit: "bad", plugin: "bad", degraded: "bad" };

export function Feed({ activity }: { readonly activity: readonly Activity[] }) {
  const t = useMessages();
  const formats = useFormats();
  if (activity.length === 0) return <Card title={t.home.activity}><Empty title={t.home.noActivity} /></Card>;
  return (
    <Card title={t.home.activity}>
      <ol className="grid gap-2.5">
        {activity.map((event, index) => (
          <li key={index} className="grid grid-cols-[auto_1fr_auto] items-baseline gap-2">
            <Badge tone={KIND_TONES[event.kind]}>{t.home.kinds[event.kind]}</Badge>
            <span className="min-w-0 wrap-anywhere"><bdi>{titleOf(event, t)}</bdi> <span className="text-faint">{event.actor}</span></span>
            <time dateTime={event.at} title={formats.dateTime(event.at)} className="text-xs text-faint">{formats.ago(event.at)}</time>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function titleOf({ kind, title }: Activity, t: Messages): string {
  switch (kind) {
    case "conversation":
    case "handoff":
      return labelOf(t.conversations.channels, title);
    case "change":
      return labelOf(t.audit.actions, title);
    case "limit":
      return labelOf(t.plans.metrics, title);
    case "plugin":
    case "degraded":
      return title;
  }
}
