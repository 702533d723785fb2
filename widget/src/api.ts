/** The HTTP side: requests in, parsed answers and turn events out. */

import { SseParser, type ServerEvent } from "./sse.ts";
import type { PendingMessage, Session } from "./session.ts";
import type { Answer, Config, Confirmation, History, TurnEvent, WireMessage } from "./wire.ts";

/** The server refused, with a problem document. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: string, retryAfterS: number | undefined) {
    super(`the server answered ${status} ${code}`);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The server was not reached, or the stream broke before the turn ended. */
export class ConnectionLost extends Error {}

export interface Received {
  readonly id: string;
  readonly event: TurnEvent;
}

/** A server that works sends something, if only a comment, well within this. */
const SILENCE_MS = 60_000;

const MAX_HISTORY_PAGES = 20;

export class Api {
  readonly #base: string;
  readonly #key: string;

  constructor(base: string, key: string) {
    this.#base = base.replace(/\/+$/, "");
    this.#key = key;
  }

  config(signal: AbortSignal): Promise<Config> {
    return this.#json<Config>("/api/config", { signal });
  }

  /** All that was said, oldest first, and what still waits for the visitor's word. */
  async history(session: Session, signal: AbortSignal): Promise<History> {
    const path = `/chat/history/${encodeURIComponent(session.id)}`;
    const messages: WireMessage[] = [];
    let confirmations: readonly Confirmation[] = [];
    let query = "";
    for (let page = 0; page < MAX_HISTORY_PAGES; page++) {
      const { messages: more, next, confirmations: asked } = await this.#json<History>(path + query, { session, signal });
      messages.push(...more);
      confirmations = asked ?? [];
      if (next === undefined || next === null) break;
      query = `?after=${encodeURIComponent(next)}`;
    }
    return { messages, confirmations };
  }

  async stop(session: Session): Promise<void> {
    await this.#request("/chat/stop", { session, body: { session_id: session.id } });
  }

  async end(session: Session): Promise<void> {
    await this.#request("/chat/end", { session, body: { session_id: session.id }, keepalive: true });
  }

  async *send(pending: PendingMessage, session: Session | undefined, signal: AbortSignal): AsyncGenerator<Received> {
    yield* this.#turn(pending.request.decision ? "/chat/confirm" : "/chat/message", { session, signal, body: pending.request, idempotencyKey: pending.key });
  }

  async *resume(session: Session, lastEventId: string, signal: AbortSignal): AsyncGenerator<Received> {
    yield* this.#turn(`/chat/events/${encodeURIComponent(session.id)}`, { session, signal, lastEventId });
  }

  async *#turn(path: string, options: RequestOptions): AsyncGenerator<Received> {
    const response = await this.#request(path, { ...options, accept: "text/event-stream" });
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      yield { id: "", event: { type: "ended", answer: await readJson<Answer>(response) } };
      return;
    }
    for await (const received of readEvents(response)) {
      const event = toTurnEvent(received);
      if (event) yield { id: received.id, event };
    }
  }

  async #json<T>(path: string, options: RequestOptions): Promise<T> {
    return readJson<T>(await this.#request(path, options));
  }

  async #request(path: string, options: RequestOptions): Promise<Response> {
    const { session, body, accept = "application/json", idempotencyKey, lastEventId, signal, keepalive } = options;
    const headers = new Headers({ "X-API-Key": this.#key, Accept: accept });
    if (session) headers.set("X-Session-Token", session.token);
    if (idempotencyKey !== undefined) headers.set("Idempotency-Key", idempotencyKey);
    if (lastEventId !== undefined) headers.set("Last-Event-ID", lastEventId);
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const init: RequestInit = { method: body === undefined ? "GET" : "POST", headers, credentials: "omit" };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (signal) init.signal = signal;
    if (keepalive) init.keepalive = true;
    let response: Response;
    try {
      response = await fetch(this.#base + path, init);
    } catch {
      throw new ConnectionLost(`no connection for ${path}`);
    }
    if (!response.ok) throw await problem(response);
    return response;
  }
}

interface RequestOptions {
  readonly session?: Session | undefined;
  readonly body?: object;
  readonly accept?: string;
  readonly idempotencyKey?: string;
  readonly lastEventId?: string;
  readonly signal?: AbortSignal;
  readonly keepalive?: boolean;
}

async function readJson<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ConnectionLost("the answer was cut short");
  }
}

async function problem(response: Response): Promise<ApiError> {
  const document: unknown = await response.json().catch(() => undefined);
  const code = (document as { code?: unknown } | undefined)?.code;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiError(response.status, typeof code === "string" ? code : "", Number.isNaN(seconds) ? undefined : seconds);
}

async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await readOrGiveUp(reader);
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    // also when the reader of these events has heard enough
    void reader.cancel().catch(() => undefined);
  }
}

async function readOrGiveUp(reader: ReadableStreamDefaultReader<string>): Promise<ReadableStreamReadResult<string>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConnectionLost("silence")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch {
    throw new ConnectionLost("the stream broke");
  } finally {
    clearTimeout(timer);
  }
}

const KNOWN = ["turn.started", "text.delta", "text.reset", "tool.started", "tool.finished", "confirm.requested", "handoff"];

function toTurnEvent({ type, data }: ServerEvent): TurnEvent | undefined {
  const isEnd = type === "turn.completed" || type === "turn.failed";
  if (!isEnd && !KNOWN.includes(type)) return undefined;
  try {
    const payload = JSON.parse(data) as object;
    return isEnd ? { type: "ended", answer: payload as Answer } : ({ ...payload, type } as TurnEvent);
  } catch {
    throw new ConnectionLost("an event was not readable");
  }
}
