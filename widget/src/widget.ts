/** Puts the parts together: one widget on one page. */

import { Api } from "./api.ts";
import { Conversation } from "./conversation.ts";
import { type Entry, reply, type ReplyEntry, type Thumb } from "./entry.ts";
import type { Hand } from "./handover.ts";
import { type Identity, identityFrom } from "./identity.ts";
import type { Labels } from "./labels.ts";
import type { Observer } from "./observer.ts";
import type { Stage } from "./loader/stage.ts";
import type { Wanted } from "./options.ts";
import { Draft, type Session, SessionStore, storageIfAllowed } from "./session.ts";
import { Launcher } from "./view/launcher.ts";
import { Panel } from "./view/panel.ts";
import { askComment, askConsent, askEmail, askRating } from "./view/asks.ts";
import { element } from "./view/dom.ts";
import type { Item } from "./view/menu.ts";
import type { Config } from "./wire.ts";

export type WidgetEvent = "open" | "close" | "message" | "reply" | "unverified";

export class Widget implements Observer {
  readonly #host: HTMLElement;
  readonly #launcher: Launcher;
  readonly #panel: Panel;
  readonly #conversation: Conversation;
  readonly #draft: Draft;
  readonly #labels: Labels;
  readonly #config: Config;
  readonly #store: SessionStore;
  readonly #greeting: string;
  readonly #listeners = new Map<WidgetEvent, Set<(detail?: string) => void>>();
  readonly #life = new AbortController();
  /** Said by the page while an answer ran or the history was still on its way. */
  readonly #later: string[] = [];
  #greeted: ReplyEntry | undefined;
  #hasAskedRating = false;
  #isOpen = false;
  #returnFocusTo: HTMLElement | undefined;

  constructor(stage: Stage, options: Wanted, config: Config) {
    const { labels } = config;
    this.#labels = labels;
    this.#config = config;
    this.#host = stage.host;
    this.#draft = new Draft(options.apiKey, storageIfAllowed("sessionStorage"));
    this.#greeting = options.greeting || labels.greeting;
    this.#launcher = new Launcher(labels, stage.bubble);
    this.#panel = new Panel(labels, {
      close: () => this.close(),
      send: (text) => (this.#conversation.isRestoring ? this.send(text) : this.#sendNow(text)),
      stop: () => this.#conversation.stop(),
      retry: (reply) => this.#conversation.retry(reply),
      decide: (reply, question, decision) => this.#conversation.decide(reply, question, decision),
      drafted: (text) => (this.#draft.text = text),
      judge: (reply, thumb) => this.#judge(reply, thumb),
      choose: (question) => {
        this.send(question);
        this.#panel.composer.focus();
      },
      menu: () => this.#menu(),
    }, {
      title: options.title || config.client.name || labels.title,
      logo: config.branding.logo_url,
      notices: config.notices,
      hosts: options.hosts,
      hasThumbs: config.features.feedback,
    });
    this.#store = new SessionStore(options.apiKey, storageIfAllowed("localStorage"));
    this.#conversation = new Conversation(new Api(options.apiUrl, options.apiKey), this.#store, labels, this);
    this.#panel.isOpen = false;
    this.cleared();
    this.#panel.composer.fill(this.#draft.text);
    this.#attach(stage, options, config.locale); // with all that is in it: the page is laid out once
    const { userToken: user_token, userIdentifier: user_identifier, userHash: user_hash } = options;
    const identity = identityFrom({ user_token, user_identifier, user_hash });
    if (identity) this.identify(identity);
    void this.#conversation.restore();
    if (!this.#mayWrite) this.#consent();
    if (options.open) this.#setOpen(true); // unasked, so the page keeps its focus
  }

  open(): void {
    if (this.#isOpen) return;
    const { activeElement } = document;
    this.#returnFocusTo = activeElement instanceof HTMLElement && activeElement !== document.body ? activeElement : undefined;
    if (this.#host.nextSibling) this.#host.parentNode?.append(this.#host); // over other chats of the page
    this.#setOpen(true);
    this.#panel.focus();
    this.#emit("open");
  }

  toggle(): void {
    if (this.#isOpen) this.close();
    else this.open();
  }

  close(): void {
    if (!this.#isOpen) return;
    const hadFocus = this.#host.shadowRoot?.activeElement !== null;
    this.#setOpen(false);
    if (hadFocus) this.#giveFocusBack();
    this.#emit("close");
  }

  /** Says whether the text was taken: only an empty one is not. While an answer runs, it waits for its end. */
  send(text: string): boolean {
    if (text.trim() === "") return false;
    if (!this.#sendNow(text)) this.#later.push(text);
    return true;
  }

  /**
   * Says who the visitor is, as the page's server has proved; null when they have signed out. For another person than
   * before the conversation starts anew.
   */
  identify(identity: Identity | null): void {
    if (!this.#conversation.identify(identityFrom(identity))) return;
    this.#later.length = 0;
    this.#panel.composer.clear();
  }

  /** Returns a function that ends the listening. */
  on(event: WidgetEvent, listener: (detail?: string) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  destroy(): void {
    this.#later.length = 0;
    this.#life.abort();
    this.#conversation.dispose();
    this.#panel.messages.clear();
    this.#host.remove();
  }

  added(entry: Entry): void {
    this.#panel.messages.add(entry);
    if (entry.kind === "notice") this.#panel.announce(entry.text);
    if (this.#greeted?.choices.length) this.changed(Object.assign(this.#greeted, { choices: [] }));
  }

  changed(entry: ReplyEntry): void {
    this.#panel.messages.change(entry);
  }

  removed(entry: Entry): void {
    this.#panel.messages.remove(entry);
  }

  cleared(): void {
    this.#hasAskedRating = false;
    this.#panel.messages.clear();
    this.#greeted = reply({ text: this.#greeting, choices: this.#config.quick_replies.filter(Boolean) });
    this.#panel.messages.add(this.#greeted);
  }

  handed(hand: Hand, isNews: boolean): void {
    this.#panel.hand = hand;
    const { features } = this.#config;
    const session = this.#conversation.session;
    if (!isNews || !session) return;
    if (hand.state === "teammate") this.#panel.withdraw("email");
    if (hand.state === "queued" && !hand.position && features.email_follow_up) {
      this.#panel.ask(askEmail(this.#labels, (email) => void this.#conversation.askForPerson(email)));
    }
    if (hand.state === "closed") this.#rate(session);
  }

  busy(isBusy: boolean): void {
    this.#panel.composer.busy(isBusy);
    if (!isBusy) this.#sendLater();
  }

  connected(isConnected: boolean): void {
    this.#panel.isConnected = isConnected;
  }

  finished(reply: ReplyEntry): void {
    this.#panel.announce(reply.failure?.text ?? reply.text);
    if (!this.#isOpen) this.#launcher.addUnread();
    if (!reply.failure) this.#emit("reply", reply.text);
  }

  refused(words: string): void {
    this.#panel.composer.fill(words);
  }

  unverified(): void {
    this.#emit("unverified");
  }

  #attach({ root }: Stage, options: Wanted, { language, direction }: Config["locale"]): void {
    root.dataset.theme = options.theme;
    root.lang = language;
    root.dir = direction;
    root.prepend(this.#panel.root); // the bubble stays where it is, and keeps its focus
    this.#listen(root);
  }

  #listen(root: HTMLElement): void {
    const { signal } = this.#life;
    // the page's own shortcuts are not meant for somebody who is writing here
    root.onkeydown = root.onkeyup = root.onkeypress = (event) => {
      event.stopPropagation();
      if (event.type === "keydown" && event.keyCode === 27 && !this.#panel.dismiss()) this.close();
    };
    for (const type of ["online", "offline"]) {
      window.addEventListener(type, () => this.#panel.showConnection(), { signal });
    }
    // a phone's keyboard covers the page without changing its size
    const { visualViewport } = window;
    visualViewport?.addEventListener("resize", () => {
      root.style.setProperty("--visible-height", `${visualViewport.height * visualViewport.scale}px`);
    }, { signal });
    // who tabs out of a window that covers the page, in the bubble's place, comes back into it
    document.addEventListener("focusin", ({ target }) => {
      if (!this.#launcher.root.offsetWidth && !(target as HTMLElement).csaiHandle) this.#panel.focus();
    }, { signal });
  }

  get #mayWrite(): boolean {
    return !this.#config.notices.is_consent_required || this.#store.record.hasAgreed;
  }

  #sendLater(): void {
    const next = this.#later.shift();
    if (next !== undefined && !this.#sendNow(next)) this.#later.unshift(next);
  }

  #sendNow(text: string): boolean {
    const isTaken = this.#mayWrite && this.#conversation.send(text);
    if (isTaken) this.#emit("message", text);
    return isTaken;
  }

  #menu(): Item[] {
    const labels = this.#labels;
    const { handoff, transcript } = this.#config.features;
    const { session } = this.#conversation;
    const ask = (text: string, yes: string, act: () => void) => () => this.#panel.ask({ text, yes, no: labels.restartNo, act });
    return [
      handoff && this.#mayWrite ? [labels.talk, () => void this.#conversation.askForPerson()] : undefined,
      transcript && session ? [labels.transcript, () => void this.#download()] : undefined,
      session && labels.erase ? [labels.erase, ask(labels.eraseQuestion, labels.eraseYes, () => void this.#conversation.erase())] : undefined,
      [labels.restart, ask(labels.restartQuestion, labels.restartYes, () => this.#restart())],
    ];
  }

  #restart(): void {
    const { session } = this.#conversation;
    const isAsked = this.#hasAskedRating;
    this.#conversation.restart();
    if (session && !isAsked) this.#rate(session);
  }

  #consent(): void {
    this.#panel.composer.isLocked = true;
    this.#panel.ask(askConsent(this.#labels, this.#panel.privacy(this.#config), () => {
      this.#store.keep({ hasAgreed: true });
      this.#panel.composer.isLocked = false;
      this.#panel.composer.focus();
      this.#sendLater();
    }));
  }

  /** A thumb counts at once; after one that points down, why is asked. */
  #judge(entry: ReplyEntry, thumb: Thumb): void {
    void this.#conversation.judge(entry, thumb);
    if (thumb === "down") this.#panel.ask(askComment(this.#labels, (comment) => void this.#conversation.judge(entry, thumb, comment)));
  }

  #rate(session: Session): void {
    if (!this.#config.features.rating) return;
    this.#hasAskedRating = true;
    this.#panel.ask(askRating(this.#labels, (rating, comment) => void this.#conversation.rate(session, { rating, comment })));
  }

  async #download(): Promise<void> {
    const file = await this.#conversation.transcript();
    if (!file) return;
    const href = URL.createObjectURL(file);
    element("a", { href, download: "conversation.html" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000); // by then it is saved
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#launcher.isOpen = isOpen;
    this.#panel.isOpen = isOpen;
    this.#conversation.isWatched = isOpen;
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
