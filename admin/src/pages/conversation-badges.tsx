/** What the list of conversations and a conversation's own page tell of it alike. */

import type { ConversationItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Badge } from "../ui/surface.tsx";

export function ToolCount({ item: { tool_calls, failed_tool_calls } }: { readonly item: ConversationItem }) {
  const t = useMessages();
  const formats = useFormats();
  if (failed_tool_calls === 0) return formats.number(tool_calls);
  return <span className="whitespace-nowrap">{formats.number(tool_calls)} <Badge tone="bad">{t.conversations.failed(failed_tool_calls)}</Badge></span>;
}

export function Rating({ rating }: { readonly rating: number }) {
  const t = useMessages();
  return <Badge tone={rating >= 4 ? "good" : rating <= 2 ? "bad" : "warn"}>{t.feedback.ofFive(rating)}</Badge>;
}
