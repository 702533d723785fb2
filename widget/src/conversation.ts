/** The conversation as the widget knows it: what was said, what is on its way, what failed. Knows no DOM. */

import { type Api, ApiError, ConnectionLost } from "./api.ts";
import type { Labels } from "./labels.ts";
import { newPending, type PendingMessage, type Session, type SessionStore } from "./session.ts";
import { followTurn } from "./turn.ts";
import type { Answer, Citation, Confirmation, Decision, History, MessageRequest, TurnEvent, WireMessage } from "./wire.ts";

export interface VisitorEntry {
  readonly kind: "visitor";
  readonly text: string;
}

export interface ReplyEntry {
  readonly kind: "reply";
  state: "waiting" | "streaming" | "done" | "stopped";
  author: "assistant" | "teammate";
  text: string;
  tools: ToolProgress[];
  citations: readonly Citation[];
  questions: Question[];
  failure: Failure | undefined;
}

/** A write action that the visitor is asked about, and the visitor's word on it. */
export interface Question {
  readonly asked: Confirmation;
  decision?: Decision;
}

export interface NoticeEntry {
  readonly kind: "notice";
  readonly text: string;
}

export type Entry = VisitorEntry | ReplyEntry | NoticeEntry;

export interface ToolProgress {
  readonly id: string;
  readonly name: string;
  state: "running" | "done" | "failed";
}

export interface Failure {
  readonly text: string;
  /** Sent again when the visitor asks for it; without one there is no use in trying. */
  readonly retry: PendingMessage | undefined;
  readonly waitS: number;
}

/** Told what changed, so that the view draws that and nothing else. */
export interface Observer {
  added(entry: Entry): void;
  changed(entry: ReplyEntry): void;
  removed(entry: Entry): void;
  cleared(): void;
  busy(isBusy: boolean): void;
  connected(isConnected: boolean): void;
  finished(reply: ReplyEntry): void;
}

interface Running {
  readonly abort: AbortController;
  isStopWanted: boolean;
}

export class Conversation {
  readonly #api: Api;
  readonly #store: SessionStore;
  readonly #labels: Labels;
  readonly #observer: Observer;
  readonly #life = new AbortController();
  #running: Running | undefined;

  constructor(api: Api, store: SessionStore, labels: Labels, observer: Observer) {
    this.#api = api;
    this.#store = store;
    this.#labels = labels;
    this.#observer = observer;
  }

  /** Shows what was said before the page was loaded, and goes on with an answer that was under way. */
  async restore(): Promise<void> {
    const { session, pending } = this.#store;
    const { messages, confirmations = [] } = session ? await this.#history(session) : { messages: [] };
    if (this.#life.signal.aborted) return;
    for (const message of messages) this.#showStored(message);
    if (confirmations.length > 0) this.#observer.added({ ...newReply(), state: "done", questions: confirmations.map(question) });
    if (!pending) return;
    const last = messages.findLastIndex((message) => message.role === "user");
    const wasAccepted = last >= 0 && messages[last]?.content === pending.request.message;
    if (wasAccepted && last === messages.length - 1) void this.#run(this.#addReply(), pending);
    else if (wasAccepted) this.#store.pending = undefined;
    else this.#showUnsent(pending);
  }

  send(text: string): boolean {
    const message = text.trim();
    if (message === "" || this.#running) return false;
    const session_id = this.#store.session?.id;
    this.#observer.added({ kind: "visitor", text: message });
    void this.#run(this.#addReply(), newPending(session_id === undefined ? { message } : { message, session_id }));
    return true;
  }

  /** The visitor's word on a write action: said as a message, carried out by the server once. */
  decide(reply: ReplyEntry, question: Question, decision: Decision): void {
    const session_id = this.#store.session?.id;
    if (this.#running || question.decision || session_id === undefined) return;
    const { confirmYes, confirmNo } = this.#labels;
    const message = `${decision === "approve" ? confirmYes : confirmNo}: ${question.asked.title}`.slice(0, 200);
    question.decision = decision;
    this.#observer.changed(reply);
    this.#observer.added({ kind: "visitor", text: message });
    void this.#run(this.#addReply(), newPending({ message, session_id, confirmation_id: question.asked.id, decision }));
  }

  retry(reply: ReplyEntry): void {
    const pending = reply.failure?.retry;
    if (!pending || this.#running) return;
    empty(reply);
    this.#observer.changed(reply);
    void this.#run(reply, pending);
  }

  /** Asks the server to stop; the turn then ends by itself, with what was said so far. */
  stop(): void {
    if (!this.#running) return;
    this.#running.isStopWanted = true;
    this.#stopIfKnown();
  }

  restart(): void {
    const session = this.#store.session;
    this.#running?.abort.abort();
    this.#store.clear();
    this.#observer.cleared();
    if (session) this.#api.end(session).catch(() => undefined); // the server ends it by itself some day
  }

  dispose(): void {
    this.#life.abort();
    this.#running?.abort.abort();
  }

  async #history(session: Session): Promise<History> {
    try {
      return await this.#api.history(session, this.#life.signal);
    } catch (error) {
      if (isGone(error)) this.#store.session = undefined;
      else if (!this.#life.signal.aborted) this.#observer.added({ kind: "notice", text: this.#labels.historyFailed });
      return { messages: [] };
    }
  }

  #showStored(message: WireMessage): void {
    if (message.role === "user") this.#observer.added({ kind: "visitor", text: message.content });
    else if (message.role === "assistant") {
      const author = message.author === "teammate" ? "teammate" : "assistant";
      this.#observer.added({ ...newReply(), state: "done", author, text: message.content });
    }
  }

  /** Left behind by a page that was closed while sending: the visitor decides whether it still matters. */
  #showUnsent(pending: PendingMessage): void {
    this.#observer.added({ kind: "visitor", text: pending.request.message });
    const reply = this.#addReply();
    reply.state = "done";
    reply.failure = { text: this.#labels.failedConnection, retry: pending, waitS: 0 };
    this.#observer.changed(reply);
  }

  #addReply(): ReplyEntry {
    const reply = newReply();
    this.#observer.added(reply);
    return reply;
  }

  async #run(reply: ReplyEntry, pending: PendingMessage): Promise<void> {
    const running: Running = { abort: new AbortController(), isStopWanted: false };
    this.#running = running;
    this.#store.pending = pending;
    this.#observer.busy(true);
    try {
      await this.#follow(reply, pending, running);
    } finally {
      if (this.#running === running) {
        this.#running = undefined;
        this.#observer.busy(false);
      }
    }
  }

  async #follow(reply: ReplyEntry, pending: PendingMessage, running: Running): Promise<void> {
    const { signal } = running.abort;
    const onConnected = (isConnected: boolean): void => this.#observer.connected(isConnected);
    try {
      for await (const event of followTurn({ api: this.#api, store: this.#store, pending, signal, onConnected })) {
        if (signal.aborted) return;
        this.#apply(reply, event, pending);
        this.#observer.changed(reply);
      }
    } catch (error) {
      if (signal.aborted) return;
      const { session_id, decision } = pending.request;
      if (isGone(error) && session_id !== undefined && !decision) await this.#startAfresh(reply, pending, running);
      else this.#fail(reply, error, pending);
    }
  }

  /** The conversation was ended or has expired: the same words open a new one. */
  async #startAfresh(reply: ReplyEntry, pending: PendingMessage, running: Running): Promise<void> {
    const anew = newPending({ message: pending.request.message });
    this.#store.clear();
    this.#store.pending = anew;
    empty(reply);
    await this.#follow(reply, anew, running);
  }

  #apply(reply: ReplyEntry, event: TurnEvent, pending: PendingMessage): void {
    switch (event.type) {
      case "turn.started":
        this.#store.session = { id: event.session_id, token: event.session_token };
        empty(reply);
        this.#stopIfKnown();
        return;
      case "text.delta":
        reply.state = "streaming";
        reply.text += event.text;
        return;
      case "text.reset":
        reply.text = "";
        return;
      case "tool.started":
        reply.tools.push({ id: event.id, name: event.name, state: "running" });
        return;
      case "tool.finished":
        finishTool(reply, event.id, event.success);
        return;
      case "confirm.requested":
        if (!reply.questions.some(({ asked }) => asked.id === event.id)) reply.questions.push(question(event));
        return;
      case "handoff":
        return; // said once, when the turn ends
      case "ended":
        this.#end(reply, event.answer, pending);
    }
  }

  #end(reply: ReplyEntry, answer: Answer, pending: PendingMessage): void {
    const { session_id: id, session_token: token, status, message } = answer;
    if (id && token) this.#store.session = { id, token };
    this.#store.pending = undefined;
    for (const tool of reply.tools) if (tool.state === "running") tool.state = "failed";
    reply.state = status === "stopped" ? "stopped" : "done";
    reply.citations = answer.citations ?? [];
    reply.questions = (answer.confirmations ?? []).map(question);
    if (status === "failed" || status === "blocked") {
      // the outcome is final under its key, so another try is another message
      const retry = status === "failed" ? newPending(sameWords(pending, id)) : undefined;
      reply.text = "";
      reply.failure = { text: message?.content || this.#labels.failedServer, retry, waitS: 0 };
    } else if (message?.content) reply.text = message.content;
    this.#observer.finished(reply);
    if (status === "handed_off") {
      if (!reply.text) this.#observer.removed(reply);
      this.#observer.added({ kind: "notice", text: this.#labels.handedOff });
    }
  }

  #fail(reply: ReplyEntry, error: unknown, pending: PendingMessage): void {
    const labels = this.#labels;
    let text = labels.failedServer;
    let retry: PendingMessage | undefined = pending;
    if (error instanceof ConnectionLost) text = labels.failedConnection;
    else if (error instanceof ApiError && pending.request.decision && [404, 409].includes(error.status)) {
      [text, retry] = [labels.confirmOver, undefined];
    }
    else if (error instanceof ApiError && error.code === "limit_reached") [text, retry] = [labels.failedLimit, undefined];
    else if (error instanceof ApiError && error.status === 429) text = labels.failedRate;
    else if (error instanceof ApiError && error.status < 500 && error.status !== 409) {
      [text, retry] = [labels.failedRefused, undefined];
    }
    if (!retry) this.#store.pending = undefined;
    this.#observer.connected(!(error instanceof ConnectionLost));
    reply.state = "done";
    reply.failure = { text, retry, waitS: error instanceof ApiError ? (error.retryAfterS ?? 0) : 0 };
    this.#observer.changed(reply);
    this.#observer.finished(reply);
  }

  #stopIfKnown(): void {
    const session = this.#store.session;
    if (!this.#running?.isStopWanted || !session) return;
    this.#api.stop(session).catch(() => undefined); // unstopped, the turn goes on to its end
  }
}

function newReply(): ReplyEntry {
  const nothing = { text: "", tools: [], citations: [], questions: [], failure: undefined };
  return { kind: "reply", state: "waiting", author: "assistant", ...nothing };
}

function question(asked: Confirmation): Question {
  return { asked };
}

function empty(reply: ReplyEntry): void {
  Object.assign(reply, newReply());
}

function finishTool(reply: ReplyEntry, id: string, isSuccess: boolean): void {
  const tool = reply.tools.find((running) => running.id === id);
  if (tool) tool.state = isSuccess ? "done" : "failed";
}

function sameWords(pending: PendingMessage, session_id: string): MessageRequest {
  const { message } = pending.request;
  return session_id ? { message, session_id } : { message };
}

/** The conversation has ended, or is no longer known. */
function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.code === "conversation_ended");
}
