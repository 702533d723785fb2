/** Who answers the visitor, and what is heard of teammates while somebody looks or waits for them. */

import { type Api, ApiError } from "./api.ts";
import { reply } from "./entry.ts";
import { handNotice, type Labels } from "./labels.ts";
import type { Observer } from "./observer.ts";
import type { SessionStore } from "./session.ts";
import { pause } from "./turn.ts";
import type { ChatEvent } from "./wire.ts";

/** `position`: the place in the queue, from 1; 0 outside of it. */
export interface Hand {
  readonly state: string;
  readonly teammate: string;
  readonly position: number;
}

export const AI: Hand = { state: "ai", teammate: "", position: 0 };

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

export class Handover {
  readonly #api: Api;
  readonly #store: SessionStore;
  readonly #labels: Labels;
  readonly #observer: Observer;
  #hand = AI;
  #isWatched = false;
  #isReady = false;
  #following: AbortController | undefined;
  /** Of the last event that was heard: so none is missed, and none comes twice. */
  #mark = "";

  constructor(api: Api, store: SessionStore, labels: Labels, observer: Observer) {
    this.#api = api;
    this.#store = store;
    this.#labels = labels;
    this.#observer = observer;
  }

  get isAi(): boolean {
    return this.#hand.state === AI.state;
  }

  /** While nobody looks, only who waits for a person or talks to one is told of more. */
  set isWatched(isWatched: boolean) {
    this.#isWatched = isWatched;
    this.update();
  }

  /** Goes on after what the history told, which comes first. */
  resume(hand: Hand, mark: string): void {
    this.#isReady = true;
    this.#mark = mark;
    this.#become(hand, false);
  }

  /** The conversation is another one now. */
  reset(): void {
    this.#stop();
    this.resume(AI, "");
  }

  /** What is told of teammates. */
  hear(event: ChatEvent): void {
    if (event.type === "handoff") this.handTo({ ...event, position: 0 });
    else if (event.type === "conversation.ended") this.handTo({ ...AI, state: "closed" });
    else if (event.type === "handoff.queue") this.#become({ ...this.#hand, position: event.position }, true);
    else if (event.type === "teammate.message") {
      const said = reply({ id: event.message.id, isTeammate: true, text: event.message.content });
      this.#observer.added(said);
      this.#observer.finished(said);
    }
  }

  /** Somebody else answers from now on, which the visitor is told once. */
  handTo({ state, teammate, position }: Hand): void {
    if (state === this.#hand.state && teammate === this.#hand.teammate) return;
    const text = handNotice(this.#labels, state, teammate);
    if (text) this.#observer.added({ kind: "notice", text });
    this.#become({ state, teammate, position }, true);
  }

  #become(hand: Hand, isNews: boolean): void {
    this.#hand = hand;
    this.update();
    this.#observer.handed(hand, isNews);
  }

  /** Begins to listen, or stops, as it is needed now. */
  update(): void {
    const isWanted = this.#isReady && this.#hand.state !== "closed" && (this.#isWatched || !this.isAi);
    if (!isWanted || !this.#store.record.session) this.#stop();
    else if (!this.#following) {
      this.#following = new AbortController();
      void this.#follow(this.#following.signal);
    }
  }

  #stop(): void {
    this.#following?.abort();
    this.#following = undefined;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { session } = this.#store.record;
    for (let failures = 0; session && !signal.aborted; failures++) {
      let waitS = 0;
      try {
        for await (const { id, event } of this.#api.live(session, this.#mark, signal)) {
          if (signal.aborted) return;
          failures = 0;
          // how it stands, told before anything else: a turn that has just handed over may know better
          const isOld = !this.#mark && event.type === "handoff" && event.state === AI.state;
          this.#mark = id || this.#mark;
          if (!isOld) this.hear(event);
        }
      } catch (error) {
        const isRefused = error instanceof ApiError && error.status < 500 && error.status !== 429;
        if (isRefused) return;
        waitS = (error instanceof ApiError && error.retryAfterS) || 0;
      }
      await pause(Math.min(Math.max(FIRST_PAUSE_MS * 2 ** failures, waitS * 1_000), LONGEST_PAUSE_MS), signal);
    }
  }
}
