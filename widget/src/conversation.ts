/** The conversation as the widget knows it: what was said, what is on its way, what failed. Knows no DOM. */

import { type Api, ApiError, type Opinion } from "./api.ts";
import { apply, empty, question, reply, type Question, type ReplyEntry, type Thumb } from "./entry.ts";
import { isGone, verdictOn } from "./failure.ts";
import { AI, Handover } from "./handover.ts";
import { type Identity, visitorOf } from "./identity.ts";
import type { Labels } from "./labels.ts";
import type { Observer } from "./observer.ts";
import { newPending, type PendingMessage, type Session, type SessionStore } from "./session.ts";
import { followTurn } from "./turn.ts";
import { type Answer, type Decision, type History, readHistory, type TurnEvent, type WireMessage } from "./wire.ts";

interface Running {
  readonly abort: AbortController;
  isStopWanted: boolean;
}

export class Conversation {
  readonly #api: Api;
  readonly #store: SessionStore;
  readonly #labels: Labels;
  readonly #observer: Observer;
  readonly #handover: Handover;
  readonly #life = new AbortController();
  #running: Running | undefined;
  #isRestoring = false;
  /** Asked for before there was a conversation to hand over. */
  #isPersonWanted = false;
  /** How often it was begun anew: what was asked before is then of no interest. */
  #beginnings = 0;

  constructor(api: Api, store: SessionStore, labels: Labels, observer: Observer) {
    this.#api = api;
    this.#store = store;
    this.#labels = labels;
    this.#observer = observer;
    this.#handover = new Handover(api, store, labels, observer);
  }

  /** The one that goes on; none before the first message. */
  get session(): Session | undefined {
    return this.#store.record.session;
  }

  /** What was said before comes first: until it is there, nothing is sent. */
  get isRestoring(): boolean {
    return this.#isRestoring;
  }

  set isWatched(isWatched: boolean) {
    this.#handover.isWatched = isWatched;
  }

  /** Shows what was said before the page was loaded, and goes on with an answer that was under way. */
  async restore(): Promise<void> {
    this.#isRestoring = true;
    await this.#showPast();
    this.#isRestoring = false;
    if (!this.#running && !this.#life.signal.aborted) this.#observer.busy(false);
  }

  async #showPast(): Promise<void> {
    const { session, pending } = this.#store.record;
    const beginning = this.#beginnings;
    const { messages, confirmations, state, teammate, live_id } = session ? await this.#history(session) : readHistory(undefined);
    if (this.#life.signal.aborted || beginning !== this.#beginnings) return;
    for (const message of messages) this.#showStored(message);
    if (confirmations.length > 0) this.#observer.added(reply({ questions: confirmations.map(question) }));
    this.#handover.resume({ state: state || AI.state, teammate, position: 0 }, live_id);
    if (!pending) return;
    const last = messages.findLastIndex((message) => message.role === "user");
    const wasAccepted = last >= 0 && messages[last]?.content === pending.request.message;
    if (wasAccepted && last === messages.length - 1) void this.#run(this.#addReply(), pending);
    else if (wasAccepted) this.#store.keep({ pending: undefined });
    else this.#showUnsent(pending);
  }

  send(text: string): boolean {
    const message = text.replaceAll("\0", "").trim(); // which no database keeps
    if (message === "" || this.#running || this.#isRestoring) return false;
    const session_id = this.session?.id;
    this.#observer.added({ kind: "visitor", text: message });
    void this.#run(this.#addReply(), newPending({ message, session_id }));
    return true;
  }

  /** The visitor's word on a write action: said as a message, carried out by the server once. */
  decide(reply: ReplyEntry, question: Question, decision: Decision): void {
    const session_id = this.session?.id;
    if (this.#running || question.decision || session_id === undefined) return;
    const { confirmYes, confirmNo } = this.#labels;
    const message = `${decision === "approve" ? confirmYes : confirmNo}: ${question.asked.title}`.slice(0, 200);
    question.decision = decision;
    this.#observer.changed(reply);
    this.#observer.added({ kind: "visitor", text: message });
    void this.#run(this.#addReply(), newPending({ message, session_id, confirmation_id: question.asked.id, decision }));
  }

  retry(entry: ReplyEntry): void {
    const pending = entry.failure?.retry;
    if (!pending || this.#running) return;
    empty(entry);
    this.#observer.changed(entry);
    void this.#run(entry, pending);
  }

  /** Asks the server to stop; the turn then ends by itself, with what was said so far. */
  stop(): void {
    if (!this.#running) return;
    this.#running.isStopWanted = true;
    this.#stopIfKnown();
  }

  /** Asks for a person, who may answer by e-mail. Without a conversation yet, the wish begins it. */
  async askForPerson(email?: string): Promise<void> {
    const { session } = this;
    this.#isPersonWanted = !session && this.send(this.#labels.talkWish);
    if (!session) return;
    const found = await this.#attempt(this.#api.handOff(session, email ? { email } : {}));
    if (found) this.#handover.hear(found);
    if (found && email) this.#notice(this.#labels.emailTaken);
  }

  /** What the visitor thinks of an answer is shown at once, and taken back where the server does not take it. */
  async judge(entry: ReplyEntry, thumb: Thumb, comment = ""): Promise<void> {
    const { session } = this;
    const before = entry.thumb;
    if (!session) return;
    entry.thumb = thumb;
    this.#observer.changed(entry);
    if (await this.#attempt(this.#api.judge(session, { message_id: entry.id, thumb, comment }).then(() => true))) return;
    entry.thumb = before;
    this.#observer.changed(entry);
  }

  async rate(session: Session, opinion: Opinion): Promise<void> {
    if (await this.#attempt(this.#api.judge(session, opinion).then(() => true))) this.#notice(this.#labels.thanks);
  }

  async transcript(): Promise<Blob | undefined> {
    return this.session && this.#attempt(this.#api.transcript(this.session));
  }

  /** Has the server forget all that was said; only then it is gone from here too. */
  async erase(): Promise<void> {
    if (!this.session || !(await this.#attempt(this.#api.erase(this.session).then(() => true)))) return;
    this.#begin();
    this.#notice(this.#labels.erased);
  }

  restart(): void {
    const { session } = this;
    this.#begin();
    if (session) this.#api.end(session).catch(() => undefined); // the server ends it by itself some day
  }

  /** Another person is not shown what was said before, who was nobody yet goes on. Says whether it is another. */
  identify(identity: Identity | undefined): boolean {
    this.#api.identity = identity;
    const before = this.#store.record.visitor;
    const visitor = identity && visitorOf(identity);
    const isAnother = before !== undefined && before !== visitor;
    if (isAnother) this.restart();
    this.#store.keep({ visitor });
    return isAnother;
  }

  dispose(): void {
    this.#life.abort();
    this.#running?.abort.abort();
    this.#handover.reset();
  }

  #begin(): void {
    this.#beginnings++;
    this.#isPersonWanted = false;
    this.#running?.abort.abort();
    this.#store.clear();
    this.#handover.reset();
    this.#observer.cleared();
  }

  async #history(session: Session): Promise<History> {
    try {
      return await this.#api.history(session, this.#life.signal);
    } catch (error) {
      if (isGone(error)) this.#store.keep({ session: undefined });
      else if (!this.#life.signal.aborted) this.#notice(this.#labels.historyFailed);
      return readHistory(undefined);
    }
  }

  #showStored({ role, id, author, content }: WireMessage): void {
    if (role === "user") this.#observer.added({ kind: "visitor", text: content });
    else if (role === "assistant") this.#observer.added(reply({ id, isTeammate: author === "teammate", text: content }));
  }

  /** Left behind by a page that was closed while sending: the visitor decides whether it still matters. */
  #showUnsent(pending: PendingMessage): void {
    this.#observer.added({ kind: "visitor", text: pending.request.message });
    const failure = { text: this.#labels.failedConnection, retry: pending, waitS: 0 };
    this.#observer.added(reply({ failure }));
  }

  #addReply(): ReplyEntry {
    const added = reply({ state: "waiting" });
    this.#observer.added(added);
    return added;
  }

  #notice(text: string | undefined): void {
    if (text) this.#observer.added({ kind: "notice", text });
  }

  /** Undefined where it did not succeed, which the visitor is told. */
  async #attempt<T>(act: Promise<T>): Promise<T | undefined> {
    const beginning = this.#beginnings;
    try {
      return await act;
    } catch (error) {
      const isOver = beginning !== this.#beginnings || this.#life.signal.aborted;
      if (!isOver) this.#notice(this.#labels[verdictOn(error, false).label]);
      return undefined;
    }
  }

  async #run(entry: ReplyEntry, pending: PendingMessage): Promise<void> {
    const running: Running = { abort: new AbortController(), isStopWanted: false };
    this.#running = running;
    this.#store.keep({ pending });
    this.#observer.busy(true);
    try {
      await this.#follow(entry, pending, running);
    } finally {
      if (this.#running === running) {
        this.#running = undefined;
        this.#observer.busy(false);
      }
    }
  }

  async #follow(entry: ReplyEntry, pending: PendingMessage, running: Running): Promise<void> {
    const { signal } = running.abort;
    const onConnected = (isConnected: boolean): void => this.#observer.connected(isConnected);
    try {
      for await (const event of followTurn({ api: this.#api, store: this.#store, pending, signal, onConnected })) {
        if (signal.aborted) return;
        this.#apply(entry, event, pending);
        this.#observer.changed(entry);
      }
    } catch (error) {
      if (signal.aborted) return;
      const { session_id, decision } = pending.request;
      if (isGone(error) && session_id !== undefined && !decision) await this.#startAfresh(entry, pending, running);
      else this.#fail(entry, error, pending);
    }
  }

  /** The conversation was ended or has expired: the same words open a new one. */
  async #startAfresh(entry: ReplyEntry, pending: PendingMessage, running: Running): Promise<void> {
    const anew = newPending({ message: pending.request.message });
    this.#store.clear();
    this.#handover.reset();
    this.#store.keep({ pending: anew });
    empty(entry);
    await this.#follow(entry, anew, running);
  }

  #apply(entry: ReplyEntry, event: TurnEvent, pending: PendingMessage): void {
    switch (event.type) {
      case "turn.started":
        this.#begun({ id: event.session_id, token: event.session_token }, pending);
        empty(entry);
        this.#stopIfKnown();
        return;
      case "ended":
        this.#end(entry, event.answer, pending);
        return;
      default:
        apply(entry, event);
    }
  }

  #begun(session: Session, pending: PendingMessage): void {
    this.#store.keepFor(pending, { session });
    this.#handover.update();
    if (this.#isPersonWanted) void this.askForPerson();
  }

  #end(entry: ReplyEntry, answer: Answer, pending: PendingMessage): void {
    const { session_id: id, session_token: token, status, message } = answer;
    if (id && token) this.#begun({ id, token }, pending);
    this.#store.keepFor(pending, { pending: undefined });
    for (const tool of entry.tools) if (tool.state === "running") tool.state = "failed";
    entry.state = status === "stopped" ? "stopped" : "done";
    entry.citations = answer.citations;
    entry.questions = answer.confirmations.map(question);
    if (status === "failed") {
      // the outcome is final under its key, so another try is another message
      const retry = newPending({ message: pending.request.message, session_id: id || undefined });
      entry.text = "";
      entry.failure = { text: message.content || this.#labels.failedServer, retry, waitS: 0 };
    } else if (message.content) {
      entry.text = message.content;
      // The business' own words in place of an answer are not judged.
      if (status !== "blocked") entry.id = message.id;
    }
    if (status === "handed_off" && !entry.text) this.#observer.removed(entry);
    else this.#observer.finished(entry);
    if (status === "handed_off" && this.#handover.isAi) this.#handover.handTo({ ...AI, state: "queued" });
  }

  #fail(entry: ReplyEntry, error: unknown, pending: PendingMessage): void {
    const { decision, message } = pending.request;
    const { label, isFinal } = verdictOn(error, decision !== undefined);
    if (label === "failedIdentity") this.#observer.unverified();
    if (isFinal) this.#store.keepFor(pending, { pending: undefined });
    this.#observer.connected(true); // as far as anybody tries
    const waitS = (error instanceof ApiError && error.retryAfterS) || 0;
    Object.assign(entry, { state: "done", failure: { text: this.#labels[label], retry: isFinal ? undefined : pending, waitS } });
    this.#observer.changed(entry);
    this.#observer.finished(entry);
    if (isFinal && !decision) this.#observer.refused(message);
  }

  #stopIfKnown(): void {
    if (!this.#running?.isStopWanted || !this.session) return;
    this.#api.stop(this.session).catch(() => undefined); // unstopped, the turn goes on to its end
  }
}
