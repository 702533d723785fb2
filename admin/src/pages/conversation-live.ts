/** What has changed in a list of conversations since it was read: told at its place, so that nothing moves under who reads. */

import { useState } from "react";
import { useQuery } from "@tanstack/react-query";

import { ask } from "../api/client.ts";
import { type Told, useConversationNews, useInTurn } from "../api/conversation-news.ts";
import type { ConversationItems } from "../api/types.ts";
import { type LiveItem, followed } from "./conversation-merge.ts";
import { type ConversationQuery, READ } from "./conversation-query.ts";

interface Reading {
  readonly data: ConversationItems | undefined;
  readonly dataUpdatedAt: number;
}

interface Live {
  readonly rowsOf: (page: ConversationItems) => readonly LiveItem[];
  /** How many that are not on the page would stand above it now. */
  readonly others: number;
  readonly isLive: boolean | undefined;
}

/** For a page of the list that was read; `isFirst` where it is the one on which news appear. */
export function useLive(query: ConversationQuery, read: Reading, isFirst: boolean): Live {
  const [{ at, events }, setNews] = useState<{ readonly at: number; readonly events: ReadonlyMap<string, Told> }>({ at: 0, events: new Map() });
  // Whatever changes is last spoken in: it is found on the first page, if it fits the filter.
  const top = useQuery({ queryKey: [READ, "top", query], queryFn: ({ signal }) => ask(READ, { query }, signal), enabled: false });
  const readTop = useInTurn(() => top.refetch());
  const isLive = useConversationNews({ client_id: query.client_id ?? null }, {
    onMissed: readTop,
    onEvent: (told) => {
      setNews((before) => ({ at: read.dataUpdatedAt, events: new Map(before.at === read.dataUpdatedAt ? before.events : []).set(told.id, told) }));
      readTop();
    },
  });
  const seen = top.data && top.dataUpdatedAt > read.dataUpdatedAt ? top.data.conversations : [];
  const told = at === read.dataUpdatedAt ? events : new Map<string, Told>();
  return {
    rowsOf: ({ conversations }) => followed(conversations, seen, told).rows,
    others: isFirst && read.data ? followed(read.data.conversations, seen, told).others : 0,
    isLive,
  };
}
