/** One turn, followed to its end over as many connections as that takes. */

import { type Api, ApiError, ConnectionLost, type Received } from "./api.ts";
import type { PendingMessage, Session, SessionStore } from "./session.ts";
import type { TurnEvent } from "./wire.ts";

const MAX_CONNECTIONS = 6;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;

export interface Following {
  readonly api: Api;
  readonly store: SessionStore;
  readonly pending: PendingMessage;
  readonly signal: AbortSignal;
  /** Told whenever the connection is lost and when it is back. */
  readonly onConnected: (isConnected: boolean) => void;
}

/**
 * Yields the turn's events up to `ended`. A stream that breaks is resumed after the last event seen; where that is not
 * possible the message is posted again under its key, which runs nothing twice: then `turn.started` comes again.
 */
export async function* followTurn(following: Following): AsyncGenerator<TurnEvent> {
  const { store, signal, onConnected } = following;
  let lastEventId = "";
  for (let connection = 1; ; connection++) {
    try {
      for await (const { id, event } of connect(following, store.record.session, lastEventId)) {
        onConnected(true);
        if (id) lastEventId = id;
        yield event;
        if (event.type === "ended") return;
      }
      throw new ConnectionLost();
    } catch (error) {
      const isResumeRefused = error instanceof ApiError && lastEventId !== "";
      if (signal.aborted || connection >= MAX_CONNECTIONS || !(isResumeRefused || isPassing(error))) throw error;
      if (isResumeRefused) lastEventId = "";
      else onConnected(error instanceof ApiError);
      await pause(pauseMs(connection, error), signal);
    }
  }
}

function connect(following: Following, session: Session | undefined, lastEventId: string): AsyncGenerator<Received> {
  const { api, pending, signal } = following;
  if (session && lastEventId) return api.resume(session, lastEventId, signal);
  const isInSession = pending.request.session_id === session?.id;
  return api.send(pending, isInSession ? session : undefined, signal);
}

function isPassing(error: unknown): boolean {
  if (error instanceof ConnectionLost) return true;
  // 409 with Retry-After: this very message is still being answered
  return error instanceof ApiError && (error.status >= 502 || (error.status === 409 && error.retryAfterS !== undefined));
}

function pauseMs(connection: number, error: unknown): number {
  const askedFor = error instanceof ApiError ? (error.retryAfterS ?? 0) * 1_000 : 0;
  return Math.min(Math.max(FIRST_PAUSE_MS * 2 ** (connection - 1), askedFor), LONGEST_PAUSE_MS);
}

export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
