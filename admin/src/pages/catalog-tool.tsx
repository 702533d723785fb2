/** One shared tool: what it is, what its calls came to, and what was changed about it. */

import { Pencil } from "lucide-react";
import { useNavigate, useParams } from "react-router";

import { useChange, useReadTagged } from "../api/query.ts";
import type { SharedToolDetail, ToolUser } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useIsOfInstallation, useMay } from "../session.tsx";
import { AskedButton } from "../ui/asked-button.tsx";
import { ButtonLink } from "../ui/button.tsx";
import { Chart } from "../ui/chart.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Figure, Figures, JsonView, LeftToRight, Notice } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { CatalogToolHistory } from "./catalog-tool-history.tsx";

export const READ_CATALOG_TOOL = "GET /admin/tools/{tool_name}";
export const READ_CATALOG = "GET /admin/tools";

/** Those of the installation change the catalog, but for what a plugin brings. */
export function useMayChangeCatalog(): boolean {
  const mayChange = useMay();
  return useIsOfInstallation() && mayChange;
}

export function Component() {
  const { toolName = "" } = useParams();
  const isOfInstallation = useIsOfInstallation();
  const mayChange = useMayChangeCatalog();
  const read = useReadTagged(READ_CATALOG_TOOL, { path: { tool_name: toolName } });
  const changeable = mayChange && read.data?.data.plugin === null ? read.data : undefined;
  return (
    <Page title={toolName} lead={read.data?.data.description} actions={changeable && <Actions tool={changeable.data} tag={changeable.tag} />}>
      <Shown read={read}>
        {({ data }) => (
          <>
            <Statistics tool={data} />
            <div className="grid items-start gap-4 lg:grid-cols-2">
              <Definition tool={data} />
              <Users tool={data} />
            </div>
          </>
        )}
      </Shown>
      {isOfInstallation && read.data && <CatalogToolHistory key={toolName} toolName={toolName} />}
    </Page>
  );
}

function Actions({ tool: { name, clients }, tag }: { readonly tool: SharedToolDetail; readonly tag: string }) {
  const t = useMessages();
  const toasts = useToasts();
  const navigate = useNavigate();
  const remove = useChange("DELETE /admin/tools/{tool_name}", {
    refreshes: [READ_CATALOG],
    onDone: () => {
      toasts.say(t.catalog.removed(name));
      void navigate("/tools");
    },
  });
  return (
    <>
      <ButtonLink to="edit" icon={Pencil}>{t.common.edit}</ButtonLink>
      <AskedButton action={t.common.remove} title={t.catalog.removeAsk(name)} description={t.catalog.removeLead(clients)} isBusy={remove.isPending} onConfirm={() => remove.mutate({ path: { tool_name: name }, tag })} />
    </>
  );
}

const ENDS = [["succeeded", "accent"], ["failed", "bad"], ["refused", "warn"], ["unknown", "faint"]] as const;

function Statistics({ tool: { calls, success_rate, p50_ms, p95_ms, clients, days } }: { readonly tool: SharedToolDetail }) {
  const t = useMessages();
  const formats = useFormats();
  const series = ENDS.map(([id, color]) => ({ id, title: t.tools.statuses[id], color }));
  const points = days.map(({ date, succeeded, failed, refused, unknown }) => ({ at: date, succeeded, failed, refused, unknown }));
  return (
    <>
      <Figures>
        <Figure label={t.tools.calls} value={formats.number(calls)} note={t.usage.spans(30)} />
        <Figure label={t.tools.successRate} value={success_rate === null ? "–" : formats.percent(success_rate)} />
        <Figure label={t.catalog.times} value={p50_ms === null || p95_ms === null ? "–" : <LeftToRight>{formats.duration(p50_ms)} / {formats.duration(p95_ms)}</LeftToRight>} />
        <Figure label={t.catalog.clients} value={formats.number(clients)} {...(clients === 0 && { note: t.catalog.nobody })} />
      </Figures>
      {points.length > 0 && <Card title={t.catalog.perDay}><Chart title={t.catalog.perDay} kind="bar" points={points} series={series} format={formats.number} formatAt={formats.date} /></Card>}
    </>
  );
}

function Definition({ tool }: { readonly tool: SharedToolDetail }) {
  const t = useMessages();
  const traits = [
    [tool.read_only, t.tools.readOnly],
    [!tool.read_only, t.tools.acts],
    [tool.idempotent, t.catalog.flags.idempotent],
    [tool.private, t.tools.private],
    [tool.confirm, t.tools.confirm],
  ] as const;
  return (
    <Card title={t.common.details}>
      {tool.plugin !== null && <div className="mb-3"><Notice tone="plain">{t.catalog.ofPlugin(tool.plugin)}</Notice></div>}
      <Facts
        facts={[
          [t.tools.category, tool.category],
          [t.tools.runs, tool.plugin ?? tool.backend],
          [t.tools.traits, <span className="inline-flex flex-wrap gap-1">{traits.map(([is, name]) => is && <Badge key={name}>{name}</Badge>)}</span>],
        ]}
      />
      <h3 className="mt-4 mb-2 font-semibold">{t.tools.schema}</h3>
      <JsonView value={tool.parameters_schema} label={t.tools.schema} />
    </Card>
  );
}

function Users({ tool: { name, users } }: { readonly tool: SharedToolDetail }) {
  const t = useMessages();
  const formats = useFormats();
  const columns: readonly Column<ToolUser>[] = [
    { id: "client", title: t.usage.client, isPrimary: true, cell: (user) => user.name },
    { id: "calls", title: t.tools.calls, isNumber: true, cell: ({ calls }) => formats.number(calls) },
    { id: "success", title: t.tools.successRate, isNumber: true, cell: ({ success_rate }) => (success_rate === null ? "–" : formats.percent(success_rate)) },
  ];
  return (
    <Card title={t.catalog.users} isFlush>
      <Table label={t.catalog.users} columns={columns} rows={users} keyOf={({ client_id }) => client_id} linkOf={({ client_id }) => `/clients/${client_id}/tools/${encodeURIComponent(name)}`} empty={<Empty title={t.home.noTools} />} />
    </Card>
  );
}
