/** Which conversations are looked at, as the address says it and as the server is asked. */

import type { ConversationItem, Routes } from "../api/types.ts";

export const READ = "GET /admin/conversations";
export type ConversationQuery = Routes["GET /admin/conversations/export"]["query"];

export const NO_FILTER = { q: "", client: "", state: "", channel: "", tools: "", feedback: "", visitor: "", from: "", to: "" };
export type Filter = Readonly<typeof NO_FILTER>;

/** Within a client only its own, whatever the filter says. */
export function queryOf(filter: Filter, clientId: string): ConversationQuery {
  return {
    client_id: clientId || filter.client,
    state: (filter.state || null) as ConversationItem["state"] | null,
    channel: filter.channel,
    has_tools: filter.tools === "true" ? true : filter.tools === "false" ? false : null,
    failed_tool: filter.tools === "failed",
    thumbs_down: filter.feedback === "down",
    rating: Number(filter.feedback) || null,
    visitor: filter.visitor,
    since: startOf(filter.from),
    until: startOf(filter.to, 1),
    q: filter.q,
  };
}

/** What an address ends with to keep the filter. */
export function searchOf(filter: Filter): string {
  const search = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ""));
  return search.size > 0 ? `?${search}` : "";
}

/** When a day begins here, or one so many days later; null for what is no day. */
function startOf(day: string, later = 0): string | null {
  const moment = new Date(`${day}T00:00`);
  if (Number.isNaN(moment.getTime())) return null;
  moment.setDate(moment.getDate() + later);
  return moment.toISOString();
}
