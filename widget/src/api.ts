/** The HTTP side: requests in, parsed answers and turn events out. */

import { SseParser, type ServerEvent } from "./sse.ts";
import type { PendingMessage, Session } from "./session.ts";
import { type Identity } from "./identity.ts";
import { type ChatEvent, type History, readAnswer, readEvent, readHistory, type TurnEvent, type WireMessage } from "./wire.ts";

/** The server refused, with a problem document. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Undefined where it says nothing, or that there is no need to wait. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, code: string, retryAfterS: number | undefined) {
    super(code);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The server was not reached, or the stream broke before the turn ended. */
export class ConnectionLost extends Error {}

/** What a visitor thinks of an answer, or of the conversation. */
export type Opinion = { readonly comment?: string } & (
  | { readonly message_id: string; readonly thumb: "up" | "down" }
  | { readonly rating: number }
);

export interface Heard {
  readonly id: string;
  readonly event: ChatEvent;
}

export interface Received {
  readonly id: string;
  readonly event: TurnEvent;
}

/** A server that works sends something, if only a comment, well within this. */
const SILENCE_MS = 60_000;

const MAX_HISTORY_PAGES = 20;
const EVENTS = "text/event-stream";
const LONGEST_WAIT_S = 3_600;

export class Api {
  readonly #base: string;
  readonly #key: string;
  /** Goes with every message, as it is when that is sent. */
  identity: Identity | undefined;

  constructor(base: string, key: string) {
    this.#base = base.replace(/\/+$/, "");
    this.#key = key;
  }

  /** All that was said, oldest first, with what goes on now. */
  async history(session: Session, signal: AbortSignal): Promise<History> {
    const path = `/chat/history/${encodeURIComponent(session.id)}`;
    const messages: WireMessage[] = [];
    let page = readHistory(undefined);
    for (let count = 0; count === 0 || (page.next && count < MAX_HISTORY_PAGES); count++) {
      page = readHistory(await this.#json(`${path}?after=${page.next}`, { session, signal }));
      messages.push(...page.messages);
    }
    return { ...page, messages };
  }

  async stop(session: Session): Promise<void> {
    await this.#post("/chat/stop", session);
  }

  async end(session: Session): Promise<void> {
    await this.#post("/chat/end", session, {}, true);
  }

  /** Asks for a person, who may answer by e-mail; says who answers now. */
  async handOff(session: Session, more: { readonly email?: string }): Promise<ChatEvent | undefined> {
    return readEvent("handoff", await readJson(await this.#post("/chat/handoff", session, more)));
  }

  async judge(session: Session, opinion: Opinion): Promise<void> {
    await this.#post("/api/feedback", session, opinion);
  }

  /** The conversation as a file. */
  async transcript(session: Session): Promise<Blob> {
    const path = `/chat/transcript/${encodeURIComponent(session.id)}?format=html`;
    return (await this.#request(path, { session, accept: "text/html" })).blob();
  }

  /** Has the server forget the conversation, and with a token all others of the visitor whom it proves. */
  async erase(session: Session): Promise<void> {
    const user_token = this.identity?.user_token;
    const body = user_token ? { user_token } : { session_id: session.id };
    await this.#request("/api/erase", { session, body });
  }

  async *send(pending: PendingMessage, session: Session | undefined, signal: AbortSignal): AsyncGenerator<Received> {
    const path = pending.request.decision ? "/chat/confirm" : "/chat/message";
    const body = { ...pending.request, ...this.identity };
    yield* this.#turn(path, { session, signal, body, idempotencyKey: pending.key });
  }

  async *resume(session: Session, lastEventId: string, signal: AbortSignal): AsyncGenerator<Received> {
    yield* this.#turn(`/chat/events/${encodeURIComponent(session.id)}`, { session, signal, lastEventId });
  }

  /** What happens beside turns, after the event with that id if there is one. It stays open until the server ends it. */
  async *live(session: Session, lastEventId: string, signal: AbortSignal): AsyncGenerator<Heard> {
    const path = `/chat/events/${encodeURIComponent(session.id)}?live=true`;
    const response = await this.#request(path, { session, signal, lastEventId, accept: EVENTS });
    if (response.status === 204) yield { id: lastEventId, event: { type: "conversation.ended" } };
    for await (const { id, type, data } of readEvents(response)) {
      const event = readEvent(type, parse(data));
      if (event) yield { id, event };
    }
  }

  async *#turn(path: string, options: RequestOptions): AsyncGenerator<Received> {
    const response = await this.#request(path, { ...options, accept: EVENTS });
    if (!response.headers.get("Content-Type")?.startsWith(EVENTS)) {
      yield { id: "", event: ending(await readJson(response)) };
      return;
    }
    for await (const received of readEvents(response)) {
      const event = toTurnEvent(received);
      if (event) yield { id: received.id, event };
    }
  }

  #post(path: string, session: Session, more: object = {}, keepalive = false): Promise<Response> {
    return this.#request(path, { session, body: { session_id: session.id, ...more }, keepalive });
  }

  async #json(path: string, options: RequestOptions): Promise<unknown> {
    return readJson(await this.#request(path, options));
  }

  async #request(path: string, options: RequestOptions): Promise<Response> {
    const { session, body, accept = "application/json", idempotencyKey, lastEventId, signal, keepalive = false } = options;
    const headers = new Headers({ "X-API-Key": this.#key, Accept: accept });
    if (session) headers.set("X-Session-Token", session.token);
    if (idempotencyKey !== undefined) headers.set("Idempotency-Key", idempotencyKey);
    if (lastEventId) headers.set("Last-Event-ID", lastEventId);
    if (body) headers.set("Content-Type", "application/json");
    const method = body ? "POST" : "GET";
    const init = { method, headers, body: body ? JSON.stringify(body) : null, keepalive, credentials: "omit" } as const;
    const response = await fetchOrGiveUp(this.#base + path, init, signal);
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

/** A server that takes the request and then says nothing is as good as none. */
async function fetchOrGiveUp(url: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    return await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal });
  } catch {
    throw new ConnectionLost();
  } finally {
    clearTimeout(timer);
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ConnectionLost();
  }
}

async function problem(response: Response): Promise<ApiError> {
  const { code } = Object(await response.json().catch(() => undefined));
  const waitS = Math.min(Number(response.headers.get("Retry-After")), LONGEST_WAIT_S) || undefined;
  return new ApiError(response.status, typeof code === "string" ? code : "", waitS);
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
    timer = setTimeout(() => reject(new ConnectionLost()), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch {
    throw new ConnectionLost();
  } finally {
    clearTimeout(timer);
  }
}

function toTurnEvent({ type, data }: ServerEvent): TurnEvent | undefined {
  const sent = parse(data);
  return type === "turn.completed" || type === "turn.failed" ? ending(sent) : readEvent(type, sent);
}

/** Everything else can be done without, but not knowing how a turn ended is a reason to ask again. */
function ending(sent: unknown): TurnEvent {
  const answer = readAnswer(sent);
  if (!answer) throw new ConnectionLost();
  return { type: "ended", answer };
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
