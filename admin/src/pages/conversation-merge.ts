/** A page of the list as it was read, with what was heard of its conversations since. */

import type { Told } from "../api/conversation-news.ts";
import type { ConversationItem } from "../api/types.ts";

export interface LiveItem extends ConversationItem {
  readonly isChanged: boolean;
}

interface Followed {
  readonly rows: readonly LiveItem[];
  readonly others: number;
}

/** `top` is what stands at the top of the list now; an event is taken for what fits the filter no more. */
export function followed(page: readonly ConversationItem[], top: readonly ConversationItem[], events: ReadonlyMap<string, Told>): Followed {
  const now = new Map(top.map((item) => [item.id, item]));
  const rows = page.map((row): LiveItem => {
    const told = events.get(row.id);
    const item = now.get(row.id) ?? (told && { ...told, last_message: null }) ?? row;
    return { ...item, isChanged: item !== row && JSON.stringify(item) !== JSON.stringify(row) };
  });
  const shown = new Set(page.map(({ id }) => id));
  const newest = Math.max(0, ...page.map(({ last_message_at }) => Date.parse(last_message_at)));
  const others = top.filter(({ id, last_message_at }) => !shown.has(id) && Date.parse(last_message_at) >= newest).length;
  return { rows, others };
}
