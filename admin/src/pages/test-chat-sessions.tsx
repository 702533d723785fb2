/** Earlier test chats of the client, to go on with. */

import { useState } from "react";

import { ask } from "../api/client.ts";
import { useRead } from "../api/query.ts";
import type { Confirmation, ConversationItem, TranscriptMessage } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { FilterSelect } from "../ui/field.tsx";
import { useToasts } from "../ui/toast.tsx";
import { type Exchange, TESTS } from "./test-chat-talk.ts";

const SHOWN = 20;
const WORDS_CHARS = 40;

interface Props {
  readonly clientId: string;
  readonly sessionId: string | undefined;
  readonly isDisabled: boolean;
  readonly onChoose: (sessionId: string, exchanges: readonly Exchange[]) => void;
}

export function EarlierTests({ clientId, sessionId, isDisabled, onChoose }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const [isReading, setReading] = useState(false);
  const { data } = useRead(TESTS, { query: { client_id: clientId, test: true, limit: SHOWN } });
  const tests = (data?.conversations ?? []).filter(({ ended_at }) => ended_at === null);
  if (tests.length === 0) return null;
  const titleOf = ({ started_at, last_message }: ConversationItem) => [formats.dateTime(started_at), last_message?.text.slice(0, WORDS_CHARS)].filter(Boolean).map(isolated).join(" · ");
  const choose = (chosen: string): void => {
    const test = tests.find((each) => each.session_id === chosen);
    if (!test || isDisabled || isReading) return;
    setReading(true);
    Promise.all([messagesOf(test.id), ask("GET /admin/clients/{client_id}/test-chat/{session_id}/confirmations", { path: { client_id: clientId, session_id: chosen } })])
      .then(([messages, { confirmations }]) => onChoose(chosen, exchangesOf(messages, confirmations)), toasts.fail)
      .finally(() => setReading(false));
  };
  const known = tests.some((each) => each.session_id === sessionId) ? (sessionId ?? "") : "";
  return <FilterSelect label={t.testChat.goOn} value={known} choices={[{ value: "", label: t.testChat.goOn }, ...tests.map((test) => ({ value: test.session_id, label: titleOf(test) }))]} onChoose={choose} />;
}

/** In its own direction, where no element can say so. */
function isolated(text: string | undefined): string {
  return `\u2068${text ?? ""}\u2069`;
}

async function messagesOf(conversation_id: string): Promise<readonly TranscriptMessage[]> {
  const found: TranscriptMessage[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: { readonly messages: readonly TranscriptMessage[]; readonly next_messages: number | null } = await ask("GET /admin/conversations/{conversation_id}", { path: { conversation_id }, query: { test: true, after } });
    found.push(...page.messages);
    after = page.next_messages;
  }
  return found;
}

/** What was asked, each with what was answered; below the last of them what waits for a word. */
export function exchangesOf(messages: readonly Pick<TranscriptMessage, "role" | "content">[], confirmations: readonly Confirmation[]): readonly Exchange[] {
  const exchanges: Exchange[] = [];
  for (const { role, content } of messages) {
    const last = exchanges.at(-1);
    if (role === "user") exchanges.push({ asked: content, text: "", isPast: true });
    else if (last) exchanges[exchanges.length - 1] = { ...last, text: last.text === "" ? content : `${last.text}\n\n${content}` };
  }
  return exchanges.map((exchange, index) => (index === exchanges.length - 1 ? { ...exchange, confirmations } : exchange));
}
