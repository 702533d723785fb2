/** What is said in a test chat, and how it comes: one question at a time. */

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { ApiProblem, send } from "../api/client.ts";
import { eventsOf } from "../api/events.ts";
import type { Confirmation, TurnAnswer } from "../api/types.ts";
import { useMessages } from "../language.tsx";

export const ROUNDS = "GET /admin/clients/{client_id}/test-chat/{session_id}/rounds";
export const TESTS = "GET /admin/conversations";
const SAY = "POST /admin/clients/{client_id}/test-chat/message";
const DECIDE = "POST /admin/clients/{client_id}/test-chat/confirm";

export interface Exchange {
  readonly asked: string;
  /** What has come of the answer so far. */
  readonly text: string;
  /** Undefined while it comes. */
  readonly outcome?: TurnAnswer;
  /** The answer ended without an outcome, or was refused. */
  readonly error?: Error;
  /** Of a session that is gone on with: only the words are known, and what still waits for one. */
  readonly isPast?: boolean;
  readonly confirmations?: readonly Confirmation[];
}

export type Word = "approve" | "decline";

/** What was said to which confirmation. */
export type Decided = ReadonlyMap<string, Word>;

/** What is other than for visitors. */
export interface TrialSetting {
  readonly model: string | null;
  readonly plugins: Readonly<Record<string, boolean>>;
}

interface Talk {
  readonly sessionId: string | undefined;
  readonly exchanges: readonly Exchange[];
  readonly decided: Decided;
  readonly isBusy: boolean;
  readonly say: (message: string) => Promise<void>;
  readonly decide: (confirmation: Confirmation, word: Word) => Promise<void>;
  readonly goOn: (sessionId: string, exchanges: readonly Exchange[]) => void;
  readonly reset: () => void;
}

export function useTalk(clientId: string, setting: TrialSetting): Talk {
  const t = useMessages();
  const [sessionId, setSessionId] = useState<string>();
  const [exchanges, setExchanges] = useState<readonly Exchange[]>([]);
  const [decided, setDecided] = useState<Decided>(new Map());
  const cache = useQueryClient();
  const current = useRef<AbortController>(undefined);
  const last = exchanges.at(-1);
  const path = { client_id: clientId };

  const change = (how: (exchange: Exchange) => Exchange): void => setExchanges((all) => all.map((each, index) => (index === all.length - 1 ? how(each) : each)));

  const listen = async (response: Response, signal: AbortSignal): Promise<void> => {
    for await (const { name, data } of eventsOf(response)) {
      if (signal.aborted) return;
      if (name === "turn.started") setSessionId((data as { readonly session_id: string }).session_id);
      else if (name === "text.delta") change((exchange) => ({ ...exchange, text: exchange.text + (data as { readonly text: string }).text }));
      else if (name === "text.reset") change((exchange) => ({ ...exchange, text: "" }));
      else if (name === "turn.completed" || name === "turn.failed") return change((exchange) => ({ ...exchange, outcome: data as TurnAnswer }));
    }
    throw new Error(t.testChat.broken);
  };

  /** Whether the server took it. */
  const take = async (asked: string, begin: (signal: AbortSignal) => Promise<Response>): Promise<boolean> => {
    const { signal } = (current.current = new AbortController());
    setExchanges((all) => [...all, { asked, text: "" }]);
    try {
      await listen(await begin(signal), signal);
      await Promise.all([ROUNDS, TESTS].map((read) => cache.invalidateQueries({ queryKey: [read] })));
      return true;
    } catch (error) {
      if (!signal.aborted) change((exchange) => ({ ...exchange, error: error as Error }));
      return !(error instanceof ApiProblem);
    }
  };

  const say = async (message: string): Promise<void> => {
    const body = { message, session_id: sessionId ?? null, ...setting };
    await take(message, (signal) => send(SAY, { path, body }, signal, "text/event-stream"));
  };

  const decide = async ({ id }: Confirmation, word: Word): Promise<void> => {
    if (sessionId === undefined) return;
    setDecided((all) => new Map(all).set(id, word));
    const body = { session_id: sessionId, confirmation_id: id, decision: word, ...setting };
    const isTaken = await take(t.testChat.words[word], (signal) => send(DECIDE, { path, body }, signal, "text/event-stream"));
    if (!isTaken) setDecided((all) => new Map([...all].filter(([each]) => each !== id)));
  };

  const goOn = (session: string | undefined, said: readonly Exchange[]): void => {
    current.current?.abort();
    setSessionId(session);
    setExchanges(said);
    setDecided(new Map());
  };

  const isBusy = last !== undefined && !last.outcome && !last.error && !last.isPast;
  return { sessionId, exchanges, decided, isBusy, say, decide, goOn, reset: () => goOn(undefined, []) };
}
