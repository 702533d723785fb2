/** The plugins of the installation: what is installed, and what had to be kept out. */

import { useRead } from "../api/query.ts";
import type { InstalledPlugin } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useMessages } from "../language.tsx";
import { FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, Notice, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useFilters } from "../url.ts";

const TONES: Readonly<Record<string, Tone>> = { loaded: "good", quarantined: "bad" };

export function Component() {
  const t = useMessages();
  const read = useRead("GET /admin/plugins", {});
  const [{ q }, setFilters] = useFilters({ q: "" });
  const kept = read.data?.plugins.filter((plugin) => plugin.cause !== null) ?? [];
  return (
    <Page title={t.plugins.title} lead={t.plugins.lead}>
      {kept.map((plugin) => (
        <Notice key={plugin.id} tone={plugin.state === "quarantined" ? "bad" : "warn"} title={`${plugin.id}: ${t.plugins.quarantine}`}>
          <p><bdi>{plugin.cause}</bdi></p>
          {plugin.remedy && <p>{t.plugins.remedy}: <bdi>{plugin.remedy}</bdi></p>}
        </Notice>
      ))}
      <Filters><FilterText label={t.plugins.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} /></Filters>
      <List
        label={t.plugins.title}
        read={read}
        rowsOf={(data) => data.plugins.filter((plugin) => plugin.id.includes(q.trim().toLowerCase()))}
        columns={useColumns()}
        keyOf={(plugin) => plugin.id}
        empty={<Empty title={q ? t.shell.nothingFound : t.plugins.empty} />}
      />
    </Page>
  );
}

function useColumns(): readonly Column<InstalledPlugin>[] {
  const t = useMessages();
  const states: Readonly<Record<string, string>> = { ...t.plugins.states, "not allowed": t.plugins.states.not_allowed };
  return [
    { id: "id", title: t.common.name, isPrimary: true, cell: ({ id }) => id, sort: ({ id }) => id },
    { id: "state", title: t.common.status, cell: ({ state }) => <Badge tone={TONES[state] ?? "warn"}>{states[state] ?? state}</Badge>, sort: ({ state }) => state },
    { id: "kinds", title: t.plugins.kinds, cell: ({ kinds }) => kinds.map((kind) => labelOf(t.plugins.kindNames, kind)).join(", ") },
    { id: "version", title: t.common.version, cell: ({ version }) => version },
    { id: "distribution", title: t.plugins.distribution, cell: ({ distribution }) => distribution, sort: ({ distribution }) => distribution },
    { id: "default", title: t.plugins.onByDefault, cell: ({ is_on_by_default }) => (is_on_by_default ? t.common.yes : t.common.no) },
  ];
}
