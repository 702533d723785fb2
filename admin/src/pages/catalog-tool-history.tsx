/** What was changed about a shared tool, and its switches at clients. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { ToolEvent } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Empty } from "../ui/states.tsx";
import { Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor } from "../url.ts";
import { ChangeState } from "./audit.tsx";
import { useClientNames } from "./client-name.ts";

export function CatalogToolHistory({ toolName }: { readonly toolName: string }) {
  const t = useMessages();
  const { before } = useCursor();
  const [shown, setShown] = useState<ToolEvent>();
  const read = useRead("GET /admin/tools/{tool_name}/history", { path: { tool_name: toolName }, query: { before: before ?? null } });
  return (
    <section aria-label={t.catalog.history} className="grid gap-2">
      <h2 className="font-semibold">{t.catalog.history}</h2>
      <List label={t.catalog.history} read={read} rowsOf={({ events }) => events} nextOf={({ next }) => next} columns={useColumns(setShown)} keyOf={({ id }) => id} empty={<Empty title={t.catalog.noHistory} />} />
      {shown && (
        <Dialog title={labelOf(t.audit.actions, shown.action)} isOpen isWide onClose={() => setShown(undefined)}>
          <div className="grid gap-4 sm:grid-cols-2">
            <ChangeState title={t.audit.before} state={shown.before} />
            <ChangeState title={t.audit.after} state={shown.after} />
          </div>
        </Dialog>
      )}
    </section>
  );
}

function useColumns(onShow: (event: ToolEvent) => void): readonly Column<ToolEvent>[] {
  const t = useMessages();
  const formats = useFormats();
  const names = useClientNames();
  return [
    { id: "action", title: t.audit.action, isPrimary: true, cell: ({ action }) => labelOf(t.audit.actions, action) },
    { id: "who", title: t.audit.who, cell: ({ actor }) => <bdi>{actor}</bdi> },
    { id: "client", title: t.audit.client, cell: ({ client_id }) => (client_id === null ? "–" : names[client_id] ? <bdi>{names[client_id]}</bdi> : <Mono>{client_id}</Mono>) },
    { id: "when", title: t.common.when, cell: ({ at }) => <time dateTime={at} title={formats.dateTime(at)}>{formats.ago(at)}</time> },
    { id: "show", title: "", cell: (event) => <Button onClick={() => onShow(event)}>{t.audit.show}</Button> },
  ];
}
