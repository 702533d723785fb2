/** A client's tools: switched on and off, with how they have done. */

import { RefreshCw } from "lucide-react";

import { useChange, useRead } from "../api/query.ts";
import type { ClientTool } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { FilterText, Switch } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, Mono, Notice } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { useFilters } from "../url.ts";

const READ = "GET /admin/clients/{client_id}/tools";

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const mayChange = useMay();
  const toasts = useToasts();
  const read = useRead(READ, { path: { client_id: clientId } });
  const [{ q }, setFilters] = useFilters({ q: "" });
  const refresh = useChange("POST /admin/clients/{client_id}/tools/refresh", {
    refreshes: [READ],
    onDone: ({ sources }) => toasts.say(t.tools.refreshed(sources.reduce((sum, source) => sum + source.tools, 0))),
  });
  const fits = ({ name, description }: ClientTool): boolean => `${name} ${description}`.toLowerCase().includes(q.trim().toLowerCase());
  return (
    <Page
      title={t.tools.title}
      lead={t.tools.clientLead}
      actions={
        <>
          <ButtonLink to="../tool-calls" relative="path">{t.tools.history}</ButtonLink>
          {mayChange && <Button icon={RefreshCw} isBusy={refresh.isPending} onClick={() => refresh.mutate({ path: { client_id: clientId } })}>{t.tools.refresh}</Button>}
        </>
      }
    >
      {read.data?.sources.filter(({ problem }) => problem !== "").map(({ source, problem }) => (
        <Notice key={source} title={t.tools.sourceProblem(source)}>{problem}</Notice>
      ))}
      <Filters><FilterText label={t.tools.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} /></Filters>
      <List
        label={t.tools.title}
        read={read}
        rowsOf={({ tools }) => tools.filter(fits)}
        columns={useColumns(clientId)}
        keyOf={({ name }) => name}
        linkOf={({ name }) => encodeURIComponent(name)}
        empty={<Empty title={q ? t.shell.nothingFound : t.tools.empty}>{q ? undefined : t.tools.emptyLead}</Empty>}
      />
    </Page>
  );
}

function useColumns(clientId: string): readonly Column<ClientTool>[] {
  const t = useMessages();
  const formats = useFormats();
  const mayChange = useMay();
  const toggle = useToggle(clientId);
  return [
    { id: "name", title: t.tools.tool, isPrimary: true, cell: ({ name }) => <Mono>{name}</Mono>, sort: ({ name }) => name },
    { id: "traits", title: t.tools.traits, cell: (tool) => <Traits tool={tool} /> },
    { id: "calls", title: t.tools.calls, isNumber: true, cell: ({ calls }) => formats.number(calls), sort: ({ calls }) => calls },
    { id: "success", title: t.tools.successRate, isNumber: true, cell: ({ success_rate }) => (success_rate === null ? "–" : formats.percent(success_rate)), sort: ({ success_rate }) => success_rate ?? -1 },
    { id: "mean", title: t.tools.meanTime, isNumber: true, cell: ({ mean_ms }) => (mean_ms === null ? "–" : formats.duration(mean_ms)), sort: ({ mean_ms }) => mean_ms ?? -1 },
    {
      id: "enabled",
      title: t.common.on,
      cell: (tool) => <Switch label={t.tools.switchOf(tool.name)} isOn={tool.enabled} disabled={!mayChange} onChange={(isOn) => toggle(tool, isOn)} />,
    },
  ];
}

export function Traits({ tool }: { readonly tool: ClientTool }) {
  const t = useMessages();
  return (
    <span className="inline-flex flex-wrap gap-1">
      <Badge tone={tool.read_only ? "plain" : "accent"}>{tool.read_only ? t.tools.readOnly : t.tools.acts}</Badge>
      {tool.private && <Badge>{t.tools.private}</Badge>}
      {tool.confirm && <Badge>{t.tools.confirm}</Badge>}
      {tool.gone && <Badge tone="bad">{t.tools.gone}</Badge>}
      {tool.changed && <Badge tone="warn">{t.tools.changed}</Badge>}
      {tool.enabled && tool.obstacles.length > 0 && <Badge tone="warn">{t.plugins.clientStates.unusable}</Badge>}
    </span>
  );
}

/** The undo is the switch turned back, on what the change made of the tool. */
function useToggle(clientId: string): (tool: ClientTool, enabled: boolean) => void {
  const t = useMessages();
  const toasts = useToasts();
  const change = useChange("PATCH /admin/clients/{client_id}/tools/{tool_name}", {
    refreshes: [READ],
    optimistic: {
      read: READ,
      request: { path: { client_id: clientId } },
      then: (before, { path, body }) => ({ ...before, tools: before.tools.map((tool) => (tool.name === path.tool_name ? { ...tool, enabled: body?.enabled === true } : tool)) }),
    },
    onDone: (tool) => toasts.say(tool.enabled ? t.tools.turnedOn(tool.name) : t.tools.turnedOff(tool.name), () => toggle(tool, !tool.enabled)),
  });
  const toggle = (tool: ClientTool, enabled: boolean): void =>
    change.mutate({ path: { client_id: clientId, tool_name: tool.name }, body: { enabled }, tag: `"${tool.tag}"` });
  return toggle;
}
