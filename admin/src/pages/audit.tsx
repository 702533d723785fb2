/** Who changed what. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { AuditItem } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useCurrentClient } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { choicesOf, withChosen } from "../ui/choices.ts";
import { FilterDate, FilterSelect, FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Facts, JsonView, Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { AuditObject } from "./audit-object.tsx";

export function Component() {
  const t = useMessages();
  const clientId = useCurrentClient();
  const { before } = useCursor();
  const [{ actor, action, object, since, until, client }, setFilters] = useFilters({ actor: "", action: "", object: "", since: "", until: "", client: "" });
  const [shown, setShown] = useState<AuditItem>();
  const read = useRead("GET /admin/audit", {
    query: {
      actor: actor.trim() || null,
      action: action || null,
      object: object.trim() || null,
      since: since ? dayBegins(since) : null,
      until: until ? dayBegins(until, 1) : null,
      client_id: client || null,
      before: before ?? null,
    },
  });
  const clients = [{ value: "", label: t.audit.ofAll }, ...(clientId ? [{ value: clientId, label: t.audit.onlyClient }] : [])];
  const actions = Object.fromEntries(Object.entries(t.audit.actions).toSorted(([, one], [, other]) => one.localeCompare(other)));
  return (
    <Page title={t.audit.title} lead={t.audit.lead}>
      <Filters>
        <FilterText label={t.audit.actorFilter} value={actor} onChange={(event) => setFilters({ actor: event.target.value })} />
        <FilterSelect label={t.audit.action} value={action} choices={withChosen(choicesOf(t.audit.action, t.common.all, actions), action)} onChoose={(next) => setFilters({ action: next })} />
        <FilterText label={t.audit.objectFilter} value={object} onChange={(event) => setFilters({ object: event.target.value })} />
        <FilterSelect label={t.audit.client} value={client} choices={clients} onChoose={(next) => setFilters({ client: next })} />
        <FilterDate label={t.audit.since} value={since} onChange={(event) => setFilters({ since: event.target.value })} />
        <FilterDate label={t.audit.until} value={until} onChange={(event) => setFilters({ until: event.target.value })} />
      </Filters>
      <List label={t.audit.title} read={read} rowsOf={({ entries }) => entries} nextOf={({ next }) => next} columns={useColumns(setShown)} keyOf={({ id }) => id} empty={<Empty title={t.audit.empty} />} />
      {shown && <Change item={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}

/** When a day begins where the reader is, or one so many days later; what is no day stays for the server to refuse. */
function dayBegins(day: string, later = 0): string {
  const begin = new Date(`${day}T00:00`);
  begin.setDate(begin.getDate() + later);
  return Number.isNaN(begin.getTime()) ? day : begin.toISOString();
}

function useColumns(onShow: (item: AuditItem) => void): readonly Column<AuditItem>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "action", title: t.audit.action, isPrimary: true, cell: ({ action }) => labelOf(t.audit.actions, action) },
    { id: "object", title: t.audit.object, cell: ({ object }) => <AuditObject object={object} /> },
    { id: "who", title: t.audit.who, cell: ({ actor, actor_name }) => <bdi>{actor_name || labelOf(t.audit.actors, actor)}</bdi> },
    { id: "when", title: t.common.when, cell: ({ created_at }) => <time dateTime={created_at} title={formats.dateTime(created_at)}>{formats.ago(created_at)}</time> },
    { id: "show", title: "", cell: (item) => <Button onClick={() => onShow(item)}>{t.audit.show}</Button> },
  ];
}

function Change({ item, onClose }: { readonly item: AuditItem; readonly onClose: () => void }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <Dialog title={labelOf(t.audit.actions, item.action)} isOpen isWide onClose={onClose}>
      <div className="grid gap-4">
        <Facts
          facts={[
            [t.audit.who, item.actor_name || labelOf(t.audit.actors, item.actor)],
            [t.audit.object, <Mono>{item.object}</Mono>],
            [t.audit.client, item.client_id && <Mono>{item.client_id}</Mono>],
            [t.common.when, formats.dateTime(item.created_at)],
            [t.audit.request, item.request_id && <Mono>{item.request_id}</Mono>],
          ]}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <ChangeState title={t.audit.before} state={item.before} />
          <ChangeState title={t.audit.after} state={item.after} />
        </div>
      </div>
    </Dialog>
  );
}

export function ChangeState({ title, state }: { readonly title: string; readonly state: AuditItem["before"] }) {
  const t = useMessages();
  return (
    <section className="grid min-w-0 content-start gap-2">
      <h3 className="font-semibold">{title}</h3>
      {state === null ? <p className="text-soft">{t.common.none}</p> : <JsonView value={state} label={title} />}
    </section>
  );
}
