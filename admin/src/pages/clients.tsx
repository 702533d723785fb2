/** The clients of the installation. */

import { Plus } from "lucide-react";
import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { ListedClient } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useIsOfInstallation, useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { FilterSelect, FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { AddClient } from "./client-add.tsx";

type Sort = "name" | "-created" | "-activity";

export function Component() {
  const t = useMessages();
  const isOfInstallation = useIsOfInstallation();
  const mayAdd = useMay() && isOfInstallation;
  const { before } = useCursor();
  const [isAdding, setAdding] = useState(false);
  const [{ q, status, order }, setFilters] = useFilters({ q: "", status: "", order: "name" });
  const read = useRead("GET /admin/clients", { query: { search: q, status: (status || null) as ListedClient["status"] | null, sort: order as Sort, after: before ?? null } });
  const statuses = [{ value: "", label: `${t.common.status}: ${t.common.all}` }, ...Object.entries(t.clients.statuses).map(([value, label]) => ({ value, label }))];
  return (
    <Page title={t.clients.title} lead={t.clients.lead} actions={mayAdd && <Button icon={Plus} look="primary" onClick={() => setAdding(true)}>{t.clients.add}</Button>}>
      <Filters>
        <FilterText label={t.clients.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} />
        <FilterSelect label={t.common.status} value={status} choices={statuses} onChoose={(next) => setFilters({ status: next })} />
        <FilterSelect label={t.clients.sort} value={order} choices={Object.entries(t.clients.sorts).map(([value, label]) => ({ value, label }))} onChoose={(next) => setFilters({ order: next })} />
      </Filters>
      <List
        label={t.clients.title}
        read={read}
        rowsOf={({ clients }) => clients}
        nextOf={({ next }) => next}
        columns={useColumns()}
        keyOf={({ id }) => id}
        linkOf={({ id }) => id}
        empty={<Empty title={t.clients.empty}>{t.clients.emptyLead}</Empty>}
      />
      {isAdding && <AddClient onClose={() => setAdding(false)} />}
    </Page>
  );
}

function useColumns(): readonly Column<ListedClient>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "name", title: t.clients.name, isPrimary: true, cell: ({ name }) => <bdi>{name}</bdi> },
    { id: "domain", title: t.clients.domain, cell: ({ domain }) => <bdi dir="ltr">{domain || "–"}</bdi> },
    { id: "status", title: t.common.status, cell: ({ status }) => <Badge tone={status === "active" ? "good" : "plain"}>{t.clients.statuses[status]}</Badge> },
    { id: "plan", title: t.clients.plan, cell: ({ plan }) => plan },
    { id: "conversations", title: t.home.conversations, isNumber: true, cell: ({ conversations }) => formats.number(conversations) },
    { id: "cost", title: t.home.cost, isNumber: true, cell: ({ cost }) => formats.money(cost) },
    { id: "last", title: t.clients.lastMessage, cell: ({ last_activity_at }) => (last_activity_at ? <time dateTime={last_activity_at} title={formats.dateTime(last_activity_at)}>{formats.ago(last_activity_at)}</time> : "–") },
  ];
}
