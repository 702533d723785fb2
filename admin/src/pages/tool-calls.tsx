/** What the AI called for a client, with arguments and responses. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { Call } from "../api/types.ts";
import { pretty } from "../form/json-text.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { FilterSelect } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, Code, Facts, JsonView, Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { CALL_TONES } from "./tones.ts";

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const [{ tool, status }, setFilters] = useFilters({ tool: "", status: "" });
  const { before } = useCursor();
  const [shown, setShown] = useState<Call>();
  const tools = useRead("GET /admin/clients/{client_id}/tools", { path });
  const read = useRead("GET /admin/clients/{client_id}/tool-calls", { path, query: { tool: tool || null, status: (status || null) as Call["status"] | null, before: before ?? null, count: 50 } });
  const names = new Set([...(tools.data?.tools.map(({ name }) => name) ?? []), ...(tool ? [tool] : [])]);
  return (
    <Page title={t.tools.history} lead={t.tools.historyLead}>
      <Filters>
        <FilterSelect label={t.tools.tool} value={tool} onChoose={(next) => setFilters({ tool: next })} choices={[{ value: "", label: `${t.tools.tool}: ${t.common.all}` }, ...[...names].map((name) => ({ value: name, label: name }))]} />
        <FilterSelect label={t.common.status} value={status} onChoose={(next) => setFilters({ status: next })} choices={[{ value: "", label: `${t.common.status}: ${t.common.all}` }, ...Object.entries(t.tools.statuses).map(([value, label]) => ({ value, label }))]} />
      </Filters>
      <List label={t.tools.history} read={read} rowsOf={({ calls }) => calls} nextOf={({ next }) => next} columns={useColumns(setShown)} keyOf={({ id }) => id} empty={<Empty title={t.tools.historyEmpty} />} />
      {shown && <CallDialog call={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}

function useColumns(onShow: (call: Call) => void): readonly Column<Call>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "tool", title: t.tools.tool, isPrimary: true, cell: ({ tool_name }) => <Mono>{tool_name}</Mono> },
    { id: "status", title: t.common.status, cell: ({ status }) => <Badge tone={CALL_TONES[status]}>{t.tools.statuses[status]}</Badge> },
    { id: "when", title: t.common.when, cell: ({ timestamp }) => <time dateTime={timestamp} title={formats.dateTime(timestamp)}>{formats.ago(timestamp)}</time> },
    { id: "time", title: t.tools.time, isNumber: true, cell: ({ duration_ms }) => (duration_ms === null ? "–" : formats.duration(duration_ms)) },
    { id: "show", title: "", cell: (call) => <Button onClick={() => onShow(call)}>{t.tools.showCall}</Button> },
  ];
}

function CallDialog({ call, onClose }: { readonly call: Call; readonly onClose: () => void }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <Dialog title={call.tool_name} isOpen isWide onClose={onClose}>
      <div className="grid gap-4">
        <Facts
          facts={[
            [t.common.status, <Badge tone={CALL_TONES[call.status]}>{t.tools.statuses[call.status]}</Badge>],
            [t.common.when, formats.dateTime(call.timestamp)],
            [t.tools.time, call.duration_ms === null ? null : formats.duration(call.duration_ms)],
          ]}
        />
        <h3 className="font-semibold">{t.tools.arguments}</h3>
        <JsonView value={call.arguments} label={t.tools.arguments} />
        <h3 className="font-semibold">{t.tools.response}</h3>
        {call.response === null ? <p className="text-soft">{t.common.none}</p> : <Code text={pretty(call.response)} label={t.tools.response} />}
      </div>
    </Dialog>
  );
}
