/** What is said in a test chat, and how it comes: one question at a time. */

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { send } from "../api/client.ts";
import { eventsOf } from "../api/events.ts";
import type { TurnAnswer } from "../api/types.ts";

export const ROUNDS = "GET /admin/clients/{client_id}/test-chat/{session_id}/rounds";
const ROUTE = "POST /admin/clients/{client_id}/test-chat/message";

export interface Exchange {
  readonly asked: string;
  /** What has come of the answer so far. */
  readonly text: string;
  /** Undefined while it comes. */
  readonly outcome?: TurnAnswer;
  /** The answer ended without an outcome, or was refused. */
  readonly error?: Error;
}

interface Talk {
  readonly sessionId: string | undefined;
  readonly exchanges: readonly Exchange[];
  readonly isBusy: boolean;
  readonly say: (message: string, model: string) => Promise<void>;
  readonly reset: () => void;
}

/** `broken` is said where a connection ends too early. */
export function useTalk(clientId: string, broken: string): Talk {
  const [sessionId, setSessionId] = useState<string>();
  const [exchanges, setExchanges] = useState<readonly Exchange[]>([]);
  const cache = useQueryClient();
  const current = useRef<AbortController>(undefined);
  const last = exchanges.at(-1);

  const change = (how: (exchange: Exchange) => Exchange): void => setExchanges((all) => all.map((each, index) => (index === all.length - 1 ? how(each) : each)));

  const listen = async (message: string, model: string, signal: AbortSignal): Promise<void> => {
    const body = { message, session_id: sessionId ?? null, model: model || null };
    const response = await send(ROUTE, { path: { client_id: clientId }, body }, signal, "text/event-stream");
    for await (const { name, data } of eventsOf(response)) {
      if (signal.aborted) return;
      if (name === "turn.started") setSessionId((data as { readonly session_id: string }).session_id);
      else if (name === "text.delta") change((exchange) => ({ ...exchange, text: exchange.text + (data as { readonly text: string }).text }));
      else if (name === "text.reset") change((exchange) => ({ ...exchange, text: "" }));
      else if (name === "turn.completed" || name === "turn.failed") return change((exchange) => ({ ...exchange, outcome: data as TurnAnswer }));
    }
    throw new Error(broken);
  };

  const say = async (message: string, model: string): Promise<void> => {
    const control = new AbortController();
    current.current = control;
    setExchanges((all) => [...all, { asked: message, text: "" }]);
    try {
      await listen(message, model, control.signal);
      await cache.invalidateQueries({ queryKey: [ROUNDS] });
    } catch (error) {
      if (!control.signal.aborted) change((exchange) => ({ ...exchange, error: error as Error }));
    }
  };

  const reset = (): void => {
    current.current?.abort();
    setSessionId(undefined);
    setExchanges([]);
  };

  return { sessionId, exchanges, isBusy: last !== undefined && !last.outcome && !last.error, say, reset };
}
