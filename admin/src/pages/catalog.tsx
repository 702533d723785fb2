/** The catalog of tools that all clients share. */

import { Plus } from "lucide-react";

import { useRead } from "../api/query.ts";
import type { SharedTool } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { ButtonLink } from "../ui/button.tsx";
import { FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, LeftToRight, Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useFilters } from "../url.ts";
import { READ_CATALOG, useMayChangeCatalog } from "./catalog-tool.tsx";

export function Component() {
  const t = useMessages();
  const read = useRead(READ_CATALOG, {});
  const mayChange = useMayChangeCatalog();
  const [{ q }, setFilters] = useFilters({ q: "" });
  const add = mayChange && <ButtonLink to="/add-tool" icon={Plus} look="primary">{t.catalog.add}</ButtonLink>;
  const fits = ({ name, description }: SharedTool): boolean => `${name} ${description}`.toLowerCase().includes(q.trim().toLowerCase());
  return (
    <Page title={t.catalog.title} lead={t.catalog.lead} actions={add}>
      <Filters><FilterText label={t.tools.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} /></Filters>
      <List label={t.catalog.title} read={read} rowsOf={({ tools }) => tools.filter(fits)} columns={useColumns()} keyOf={({ name }) => name} linkOf={({ name }) => encodeURIComponent(name)} empty={<Empty title={q ? t.shell.nothingFound : t.catalog.empty} />} />
    </Page>
  );
}

function useColumns(): readonly Column<SharedTool>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "name", title: t.tools.tool, isPrimary: true, cell: ({ name }) => <Mono>{name}</Mono>, sort: ({ name }) => name },
    { id: "category", title: t.tools.category, cell: ({ category }) => category, sort: ({ category }) => category },
    { id: "traits", title: t.tools.traits, cell: ({ read_only }) => <Badge tone={read_only ? "plain" : "accent"}>{read_only ? t.tools.readOnly : t.tools.acts}</Badge> },
    { id: "clients", title: t.catalog.clients, isNumber: true, cell: ({ clients }) => formats.number(clients), sort: ({ clients }) => clients },
    { id: "calls", title: t.tools.calls, isNumber: true, cell: ({ calls }) => formats.number(calls), sort: ({ calls }) => calls },
    { id: "success", title: t.tools.successRate, isNumber: true, cell: ({ success_rate }) => (success_rate === null ? "–" : formats.percent(success_rate)), sort: ({ success_rate }) => success_rate ?? -1 },
    { id: "times", title: t.catalog.times, isNumber: true, cell: ({ p50_ms, p95_ms }) => (p50_ms === null || p95_ms === null ? "–" : <LeftToRight>{formats.duration(p50_ms)} / {formats.duration(p95_ms)}</LeftToRight>) },
  ];
}
