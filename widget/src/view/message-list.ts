/** The list of messages. It follows the latest text, unless the visitor has scrolled up to read. */

import type { Entry, ReplyEntry } from "../entry.ts";
import { type Direction, dominantDirection } from "../direction.ts";
import type { AllowedHosts } from "../hosts.ts";
import type { Labels } from "../labels.ts";
import { button, element, icon } from "./dom.ts";
import { drawNotice, drawVisitor, type ReplyActions, ReplyView } from "./drawn-entry.ts";

const NEAR_PX = 60;

export class MessageList {
  readonly root: HTMLElement;
  readonly #labels: Labels;
  readonly #actions: ReplyActions;
  readonly #hosts: AllowedHosts;
  readonly #hasThumbs: boolean;
  readonly #list: HTMLOListElement;
  readonly #scroller: HTMLElement;
  readonly #latest: HTMLButtonElement;
  readonly #rows = new Map<Entry, HTMLElement>();
  readonly #replies = new Map<ReplyEntry, ReplyView>();
  readonly #dirty = new Set<ReplyEntry>();
  /** Which way the visitor's last words run. */
  #said: Direction | undefined;
  #isFollowing = true;
  #lastTop = 0;

  constructor(labels: Labels, actions: ReplyActions, hosts: AllowedHosts, hasThumbs: boolean) {
    this.#hosts = hosts;
    this.#hasThumbs = hasThumbs;
    this.#labels = labels;
    this.#actions = actions;
    this.#list = element("ol", { class: "entries", role: "list" });
    this.#scroller = element("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": labels.messages });
    this.#scroller.append(this.#list);
    this.#latest = button(labels.latest, "latest", icon("down"));
    this.#latest.hidden = true;
    this.root = element("div", { class: "messages" }, this.#scroller, this.#latest);
    this.#scroller.onscroll = () => this.#noteScroll();
    this.#latest.onclick = () => this.toLatest();
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
  }

  add(entry: Entry): void {
    const row = this.#draw(entry);
    this.#rows.set(entry, row);
    this.#list.append(row);
    if (entry.kind === "visitor") this.toLatest();
    else this.#followSoon();
  }

  /** Tokens arrive faster than the screen is drawn: one drawing in two frames holds them all, and leaves the page its time. */
  change(reply: ReplyEntry): void {
    if (this.#dirty.size === 0) requestAnimationFrame(() => requestAnimationFrame(() => this.#drawDirty()));
    this.#dirty.add(reply);
  }

  remove(entry: Entry): void {
    this.#rows.get(entry)?.remove();
    this.#rows.delete(entry);
    if (entry.kind !== "reply") return;
    this.#replies.get(entry)?.dispose();
    this.#replies.delete(entry);
  }

  clear(): void {
    for (const view of this.#replies.values()) view.dispose();
    this.#rows.clear();
    this.#replies.clear();
    this.#list.replaceChildren();
    this.toLatest();
  }

  toLatest(): void {
    this.#isFollowing = true;
    this.#followSoon();
  }

  #draw(entry: Entry): HTMLElement {
    if (entry.kind === "visitor") {
      this.#said = dominantDirection(entry.text) ?? this.#said;
      return drawVisitor(entry, this.#labels);
    }
    if (entry.kind === "notice") return drawNotice(entry);
    const view = new ReplyView(this.#labels, this.#actions, this.#hosts, this.#hasThumbs);
    view.expected = this.#said;
    this.#replies.set(entry, view);
    view.draw(entry);
    return view.root;
  }

  #drawDirty(): void {
    for (const reply of this.#dirty) this.#replies.get(reply)?.draw(reply);
    this.#dirty.clear();
    this.#follow();
  }

  /** Where the end is has to be measured: once, when the screen is drawn, whatever comes until then. */
  #followSoon(): void {
    requestAnimationFrame(() => this.#follow());
  }

  #follow(): void {
    if (this.#isFollowing) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#latest.hidden = this.#isFollowing;
  }

  /** Only going up ends the following: a list that has just grown is also "not at its end" for a moment. */
  #noteScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.#isFollowing = true;
    else if (scrollTop < this.#lastTop) this.#isFollowing = false;
    this.#lastTop = scrollTop;
    this.#latest.hidden = this.#isFollowing;
  }
}
