/** The window: header, state of the connection, messages, field. */

import type { ReplyEntry } from "../conversation.ts";
import type { Labels } from "../labels.ts";
import { Composer, type ComposerActions } from "./composer.ts";
import { button, element, icon } from "./dom.ts";
import type { ReplyActions } from "./entry.ts";
import { MessageList } from "./message-list.ts";
import { RichText } from "./rich-text.ts";

export interface PanelActions extends ComposerActions, ReplyActions {
  close(): void;
  restart(): void;
}

export class Panel {
  readonly root: HTMLElement;
  readonly messages: MessageList;
  readonly composer: Composer;
  readonly #labels: Labels;
  readonly #actions: PanelActions;
  readonly #banner = element("p", { class: "banner", role: "status" });
  readonly #question: HTMLElement;
  readonly #restart: HTMLButtonElement;
  readonly #announcer = element("div", { class: "hidden", "aria-live": "polite" });
  #isConnected = true;

  constructor(title: string, labels: Labels, actions: PanelActions) {
    this.#labels = labels;
    this.#actions = actions;
    this.messages = new MessageList(labels, actions);
    this.composer = new Composer(labels, actions);
    this.#restart = button(labels.restart, "tool-button", icon("restart"));
    this.#question = this.#drawQuestion();
    this.root = element(
      "section",
      { class: "panel", role: "dialog", "aria-label": title },
      this.#drawHeader(title),
      this.#banner,
      this.messages.root,
      this.#question,
      element("footer", {}, this.composer.root, element("p", { class: "ai" }, labels.aiNotice)),
      this.#announcer,
    );
    this.showConnection();
  }

  set isOpen(isOpen: boolean) {
    this.root.classList.toggle("open", isOpen);
    this.root.inert = !isOpen;
    if (isOpen) this.messages.toLatest();
    else this.#ask(false);
  }

  set isConnected(isConnected: boolean) {
    this.#isConnected = isConnected;
    this.showConnection();
  }

  showConnection(): void {
    const isOnline = navigator.onLine;
    this.#banner.textContent = isOnline ? this.#labels.reconnecting : this.#labels.offline;
    this.#banner.hidden = isOnline && this.#isConnected;
    this.root.classList.toggle("disconnected", !this.#banner.hidden);
  }

  /** Read out once the whole answer is there: a reader that speaks every token is of no help. */
  announce(reply: ReplyEntry): void {
    const text = new RichText();
    text.draw(reply.failure?.text ?? reply.text);
    this.#announcer.replaceChildren(text.root);
  }

  /** Says whether Escape had something smaller to close than the window. */
  dismiss(): boolean {
    if (this.#question.hidden) return false;
    this.#ask(false);
    this.#restart.focus();
    return true;
  }

  #drawHeader(title: string): HTMLElement {
    const close = button(this.#labels.close, "tool-button close-button", icon("close"));
    close.addEventListener("click", () => this.#actions.close());
    this.#restart.addEventListener("click", () => this.#ask(true));
    const name = element(
      "div",
      { class: "name" },
      element("h2", { dir: "auto" }, title),
      element("p", {}, element("i", { class: "presence" }), this.#labels.subtitle),
    );
    return element("header", {}, element("span", { class: "crest" }, icon("spark")), name, this.#restart, close);
  }

  #drawQuestion(): HTMLElement {
    const yes = element("button", { type: "button", class: "primary" }, this.#labels.restartYes);
    const no = element("button", { type: "button" }, this.#labels.restartNo);
    yes.addEventListener("click", () => {
      this.#ask(false);
      this.#actions.restart();
      this.composer.focus();
    });
    no.addEventListener("click", () => this.dismiss());
    const question = element("div", { class: "question" }, element("p", {}, this.#labels.restartQuestion), no, yes);
    question.hidden = true;
    return question;
  }

  #ask(isAsking: boolean): void {
    this.#question.hidden = !isAsking;
    if (isAsking) this.#question.querySelector("button")?.focus();
  }
}
