/** Puts the parts together: one widget on one page. */

import { Api } from "./api.ts";
import { Conversation, type Entry, type Observer, type ReplyEntry } from "./conversation.ts";
import { type Labels, labelsFor } from "./labels.ts";
import type { WidgetOptions } from "./options.ts";
import { localStorageIfAllowed, SessionStore } from "./session.ts";
import css from "./style.css?inline";
import { element } from "./view/dom.ts";
import { Launcher } from "./view/launcher.ts";
import { Panel } from "./view/panel.ts";
import { applyAccent } from "./view/theme.ts";

export const HOST_TAG = "csai-widget";

export type WidgetEvent = "open" | "close" | "message" | "reply";

export class Widget implements Observer {
  readonly #host: HTMLElement;
  readonly #launcher: Launcher;
  readonly #panel: Panel;
  readonly #conversation: Conversation;
  readonly #greeting: string;
  readonly #listeners = new Map<WidgetEvent, Set<(detail?: string) => void>>();
  readonly #life = new AbortController();
  #isOpen = false;
  #returnFocusTo: HTMLElement | undefined;

  constructor(host: HTMLElement, options: WidgetOptions, clientName: string | undefined) {
    const labels = labelsFor(options.lang);
    this.#host = host;
    this.#greeting = options.greeting ?? labels.greeting;
    this.#launcher = new Launcher(labels, () => (this.#isOpen ? this.close() : this.open()));
    this.#panel = new Panel(options.title ?? clientName ?? labels.title, labels, {
      close: () => this.close(),
      send: (text) => this.send(text),
      stop: () => this.#conversation.stop(),
      restart: () => this.#conversation.restart(),
      retry: (reply) => this.#conversation.retry(reply),
      decide: (reply, question, decision) => this.#conversation.decide(reply, question, decision),
    });
    const api = new Api(options.apiUrl, options.apiKey);
    const store = new SessionStore(options.apiKey, localStorageIfAllowed());
    this.#conversation = new Conversation(api, store, labels, this);
    this.#attach(options, labels);
    this.#panel.isOpen = false;
    this.cleared();
    void this.#conversation.restore();
    if (options.open) this.#setOpen(true); // unasked, so the page keeps its focus
  }

  open(): void {
    if (this.#isOpen) return;
    const { activeElement } = document;
    this.#returnFocusTo = activeElement instanceof HTMLElement && activeElement !== document.body ? activeElement : undefined;
    this.#setOpen(true);
    this.#panel.composer.focus();
    this.#emit("open");
  }

  close(): void {
    if (!this.#isOpen) return;
    const hadFocus = this.#host.shadowRoot?.activeElement !== null;
    this.#setOpen(false);
    if (hadFocus) this.#giveFocusBack();
    this.#emit("close");
  }

  send(text: string): boolean {
    const isTaken = this.#conversation.send(text);
    if (isTaken) this.#emit("message", text);
    return isTaken;
  }

  /** Returns a function that ends the listening. */
  on(event: WidgetEvent, listener: (detail?: string) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  destroy(): void {
    this.#life.abort();
    this.#conversation.dispose();
    this.#panel.messages.clear();
    this.#host.remove();
  }

  added(entry: Entry): void {
    this.#panel.messages.add(entry);
  }

  changed(entry: ReplyEntry): void {
    this.#panel.messages.change(entry);
  }

  removed(entry: Entry): void {
    this.#panel.messages.remove(entry);
  }

  cleared(): void {
    const greeting: Entry = {
      kind: "reply",
      state: "done",
      author: "assistant",
      text: this.#greeting,
      tools: [],
      citations: [],
      questions: [],
      failure: undefined,
    };
    this.#panel.messages.clear();
    this.#panel.messages.add(greeting);
  }

  busy(isBusy: boolean): void {
    this.#panel.composer.busy(isBusy);
  }

  connected(isConnected: boolean): void {
    this.#panel.isConnected = isConnected;
  }

  finished(reply: ReplyEntry): void {
    this.#panel.announce(reply);
    if (!this.#isOpen) this.#launcher.addUnread();
    if (!reply.failure) this.#emit("reply", reply.text);
  }

  #attach(options: WidgetOptions, labels: Labels): void {
    const { position = "bottom-right", theme = "auto" } = options;
    const root = element("div", {
      class: `root ${position.replace("-", " ")}`,
      "data-theme": theme,
      lang: labels.language,
      dir: labels.direction,
    });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    applyAccent(root, options.primaryColor);
    root.append(this.#panel.root, this.#launcher.root);
    const shadow = this.#host.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(root);
    this.#listen(root);
  }

  #listen(root: HTMLElement): void {
    const { signal } = this.#life;
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.#escape());
    // the page's own shortcuts are not meant for somebody who is writing here
    for (const type of ["keydown", "keyup", "keypress"]) root.addEventListener(type, (event) => event.stopPropagation());
    for (const type of ["online", "offline"]) {
      window.addEventListener(type, () => this.#panel.showConnection(), { signal });
    }
    // a phone's keyboard covers the page without changing its size
    const { visualViewport } = window;
    visualViewport?.addEventListener("resize", () => {
      root.style.setProperty("--visible-height", `${visualViewport.height}px`);
    }, { signal });
  }

  #escape(): void {
    if (!this.#panel.dismiss()) this.close();
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#launcher.isOpen = isOpen;
    this.#panel.isOpen = isOpen;
  }

  #giveFocusBack(): void {
    const before = this.#returnFocusTo;
    const target = before?.isConnected && before !== this.#host ? before : this.#launcher.root;
    target.focus({ preventScroll: true });
  }

  #emit(event: WidgetEvent, detail?: string): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        console.error(error); // the page's mistake, for the page's author
      }
    }
  }
}
