/** What the conversation tells whoever draws it. */

import type { Entry, ReplyEntry } from "./entry.ts";
import type { Hand } from "./handover.ts";

/** Told what changed, so that the view draws that and nothing else. */
export interface Observer {
  added(entry: Entry): void;
  changed(entry: ReplyEntry): void;
  removed(entry: Entry): void;
  cleared(): void;
  busy(isBusy: boolean): void;
  connected(isConnected: boolean): void;
  finished(reply: ReplyEntry): void;
  /** Somebody else answers, or the queue has moved; `isNews`: it was not so when the page was loaded. */
  handed(hand: Hand, isNews: boolean): void;
  /** These words were not taken, and are of no use as they are. */
  refused(words: string): void;
  /** The server did not believe who the visitor is said to be. */
  unverified(): void;
}
