/** Conversations of the installation or of one client: filtered, searched, exported, and followed as they go on. */

import { Download } from "lucide-react";

import { urlOf } from "../api/client.ts";
import { useRead } from "../api/query.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button, DownloadLink } from "../ui/button.tsx";
import { Live } from "../ui/live.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { Rating, ToolCount } from "./conversation-badges.tsx";
import { ConversationFilters } from "./conversation-filters.tsx";
import { useLive } from "./conversation-live.ts";
import type { LiveItem } from "./conversation-merge.ts";
import { NO_FILTER, READ, queryOf, searchOf } from "./conversation-query.ts";
import { STATE_TONES } from "./tones.ts";

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const mayExport = useMay();
  const { before } = useCursor();
  const [filter, setFilter] = useFilters(NO_FILTER);
  const query = queryOf(filter, clientId);
  const read = useRead(READ, { query: { ...query, cursor: before ?? null } }, { isStill: true });
  const live = useLive(query, read, before === undefined);
  const search = searchOf(filter);
  return (
    <Page title={t.conversations.title} lead={t.conversations.lead} actions={<><Live isLive={live.isLive} />{mayExport && <DownloadLink icon={Download} href={urlOf("GET /admin/conversations/export", { query })}>{t.conversations.export}</DownloadLink>}</>}>
      <ConversationFilters filter={filter} onChange={setFilter} isOfClient={clientId !== ""} />
      <Others count={live.others} onShow={() => void read.refetch()} />
      <List
        label={t.conversations.title}
        read={read}
        rowsOf={live.rowsOf}
        nextOf={({ next }) => next}
        columns={useColumns(clientId !== "")}
        keyOf={({ id }) => id}
        linkOf={({ id }) => `${id}${search}`}
        empty={<Empty title={t.conversations.empty}>{search === "" ? t.conversations.emptyLead : <Button onClick={() => setFilter(NO_FILTER)}>{t.conversations.clearFilters}</Button>}</Empty>}
      />
    </Page>
  );
}

/** They come into the list when they are asked for. */
function Others({ count, onShow }: { readonly count: number; readonly onShow: () => void }) {
  const t = useMessages();
  return (
    <div role="status" className={count === 0 ? "sr-only" : "flex flex-wrap items-center gap-3 rounded-md bg-accent-soft px-3 py-1.5 text-accent-strong"}>
      {count > 0 && (
        <>
          <span className="flex-1">{t.conversations.others(count)}</span>
          <Button onClick={onShow}>{t.conversations.showOthers}</Button>
        </>
      )}
    </div>
  );
}

function useColumns(isOfClient: boolean): readonly Column<LiveItem>[] {
  const t = useMessages();
  const formats = useFormats();
  const client: Column<LiveItem> = { id: "client", title: t.conversations.client, cell: ({ client_name }) => <bdi>{client_name}</bdi> };
  return [
    { id: "visitor", title: t.desk.visitor, isPrimary: true, cell: ({ visitor, email }) => <bdi>{visitor ?? email ?? t.desk.anonymous}</bdi> },
    { id: "said", title: t.conversations.lastMessage, cell: ({ last_message }) => <span dir="auto" className="line-clamp-2 max-w-md min-w-36 wrap-anywhere">{last_message?.text ?? "–"}</span> },
    ...(isOfClient ? [] : [client]),
    { id: "state", title: t.common.status, cell: (item) => <State item={item} /> },
    { id: "messages", title: t.conversations.messages, isNumber: true, cell: ({ messages }) => formats.number(messages) },
    { id: "tools", title: t.conversations.tools, isNumber: true, cell: (item) => <ToolCount item={item} /> },
    { id: "feedback", title: t.conversations.feedback, cell: (item) => <Opinion item={item} /> },
    { id: "cost", title: t.conversations.cost, isNumber: true, cell: ({ cost }) => formats.money(cost) },
    { id: "last", title: t.conversations.last, cell: ({ last_message_at }) => <time dateTime={last_message_at} title={formats.dateTime(last_message_at)}>{formats.ago(last_message_at)}</time> },
  ];
}

/** Who answers, and where. */
function State({ item: { state, channel, isChanged } }: { readonly item: LiveItem }) {
  const t = useMessages();
  return (
    <span className="inline-flex flex-wrap gap-1">
      <Badge tone={STATE_TONES[state]}>{t.desk.states[state]}</Badge>
      {isChanged && <Badge tone="accent">{t.conversations.changed}</Badge>}
      <span className="text-faint">{labelOf(t.conversations.channels, channel)}</span>
    </span>
  );
}

function Opinion({ item: { thumbs_down, rating } }: { readonly item: LiveItem }) {
  const t = useMessages();
  if (thumbs_down === 0 && rating === null) return "–";
  return (
    <span className="inline-flex flex-wrap gap-1">
      {rating !== null && <Rating rating={rating} />}
      {thumbs_down > 0 && <Badge tone="bad">{t.conversations.thumbsDown}</Badge>}
    </span>
  );
}
