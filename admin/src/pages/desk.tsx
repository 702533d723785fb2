/** The desk: who waits for a human. */

import { useKeptRead } from "../api/conversation-news.ts";
import { useRead } from "../api/query.ts";
import type { ConversationSummary } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useClientId } from "../shell/client.ts";
import { FilterSelect } from "../ui/field.tsx";
import { Live } from "../ui/live.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { STATE_TONES } from "./tones.ts";

type State = ConversationSummary["state"];

export const READ_DESK = "GET /admin/clients/{client_id}/conversations";

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const { before } = useCursor();
  const [{ state }, setFilters] = useFilters({ state: "queued" });
  const read = useRead(READ_DESK, { path, query: { state: (state === "all" ? null : state) as State | null, before: before ?? null } });
  const isLive = useKeptRead(path, read, [READ_DESK]);
  const states = [...Object.entries(t.desk.states).map(([value, label]) => ({ value, label })), { value: "all", label: t.common.all }];
  return (
    <Page title={t.desk.title} lead={t.desk.lead} actions={<Live isLive={isLive} />}>
      <Filters><FilterSelect label={t.common.status} value={state} choices={states} onChoose={(next) => setFilters({ state: next })} /></Filters>
      <List
        label={t.desk.title}
        read={read}
        rowsOf={({ conversations }) => conversations}
        nextOf={({ next }) => next}
        columns={useColumns()}
        keyOf={({ id }) => id}
        linkOf={({ id }) => id}
        empty={<Empty title={t.desk.empty}>{t.desk.emptyLead}</Empty>}
      />
    </Page>
  );
}

function useColumns(): readonly Column<ConversationSummary>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "visitor", title: t.desk.visitor, isPrimary: true, cell: ({ visitor, email }) => <bdi>{visitor ?? email ?? t.desk.anonymous}</bdi> },
    { id: "state", title: t.common.status, cell: ({ state }) => <Badge tone={STATE_TONES[state]}>{t.desk.states[state]}</Badge> },
    { id: "teammate", title: t.desk.teammate, cell: ({ teammate }) => <bdi>{teammate ?? "–"}</bdi> },
    { id: "channel", title: t.desk.channel, cell: ({ channel }) => labelOf(t.conversations.channels, channel) },
    { id: "messages", title: t.desk.messages, isNumber: true, cell: ({ messages }) => formats.number(messages) },
    { id: "last", title: t.desk.last, cell: ({ last_message_at }) => <time dateTime={last_message_at} title={formats.dateTime(last_message_at)}>{formats.ago(last_message_at)}</time> },
  ];
}
