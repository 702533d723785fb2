/** The window: header, state of the connection, messages, what the visitor is asked, field. */

import { AI, type Hand } from "../handover.ts";
import type { AllowedHosts } from "../hosts.ts";
import { safeHref } from "../inline.ts";
import { fill, type Labels } from "../labels.ts";
import type { Notices } from "../wire.ts";
import { Composer, type ComposerActions } from "./composer.ts";
import { button, element, icon } from "./dom.ts";
import type { ReplyActions } from "./drawn-entry.ts";
import { type Item, Menu } from "./menu.ts";
import { MessageList } from "./message-list.ts";
import { drawLink, RichText } from "./rich-text.ts";
import { type Ask, Sheet } from "./sheet.ts";

export interface PanelActions extends ComposerActions, ReplyActions {
  close(): void;
  menu(): readonly Item[];
}

/** How the window is dressed by the configuration. */
export interface Dress {
  readonly title: string;
  readonly logo: string;
  readonly notices: Notices;
  readonly hosts: AllowedHosts;
  readonly hasThumbs: boolean;
}

export class Panel {
  readonly root: HTMLElement;
  readonly messages: MessageList;
  readonly composer: Composer;
  readonly #labels: Labels;
  readonly #banner = element("p", { class: "banner", role: "status" });
  readonly #subtitle = element("bdi");
  readonly #ai: HTMLElement;
  readonly #menu: Menu;
  readonly #sheet = new Sheet(() => this.composer.focus());
  readonly #announcer = element("div", { class: "hidden", "aria-live": "polite" });
  #isConnected = true;
  #position = 0;

  constructor(labels: Labels, actions: PanelActions, dress: Dress) {
    const { title, notices, hosts } = dress;
    this.#labels = labels;
    this.messages = new MessageList(labels, actions, hosts, dress.hasThumbs);
    this.composer = new Composer(labels, actions);
    this.#menu = new Menu(labels.menu, actions.menu);
    this.#ai = element("bdi", {}, notices.ai.text || labels.aiNotice);
    this.#ai.hidden = !notices.ai.is_shown;
    const close = button(labels.close, "tool-button close-button", icon("close"));
    close.onclick = actions.close;
    const name = element(
      "div",
      { class: "name" },
      element("h2", {}, element("bdi", {}, title)),
      element("p", {}, element("i", { class: "presence" }), this.#subtitle),
    );
    this.root = element(
      "section",
      { class: "panel", role: "dialog", "aria-label": title },
      element("header", {}, drawCrest(dress.logo), name, this.#menu.button, close),
      this.#menu.list,
      this.#banner,
      this.messages.root,
      this.#sheet.root,
      element("footer", {}, this.composer.root, element("p", { class: "ai" }, this.#ai, ...this.privacy(dress))),
      this.#announcer,
    );
    this.root.onclick = () => void this.#menu.close(); // false would undo the click
    this.hand = AI;
  }

  set isOpen(isOpen: boolean) {
    this.root.classList.toggle("open", isOpen);
    this.root.inert = !isOpen;
    if (isOpen) this.messages.toLatest();
    else this.dismiss();
  }

  set isConnected(isConnected: boolean) {
    if (isConnected === this.#isConnected) return; // told with every token
    this.#isConnected = isConnected;
    this.showConnection();
  }

  set hand({ state, teammate, position }: Hand) {
    this.#subtitle.textContent = state === "teammate" ? teammate || this.#labels.teammate : this.#labels.subtitle;
    this.#position = state === "queued" ? position : 0;
    this.showConnection();
  }

  /** What cannot be reached matters more than how long it takes. */
  showConnection(): void {
    const labels = this.#labels;
    const isOnline = navigator.onLine;
    const trouble = isOnline ? !this.#isConnected && labels.reconnecting : labels.offline;
    this.#banner.textContent = trouble || (this.#position ? fill(labels.queued, "position", this.#position) : "");
    this.#banner.hidden = this.#banner.textContent === "";
    this.root.classList.toggle("disconnected", Boolean(trouble));
  }

  /** To what is asked, if something is, else to the field. */
  focus(): void {
    this.composer.focus();
    this.#sheet.focus();
  }

  ask(question: Ask): void {
    this.#sheet.ask(question, this.root.classList.contains("open"));
  }

  /** Takes a question back that is of no use now, if it stands there. */
  withdraw(field: string): void {
    if (this.#sheet.root.elements.namedItem(field)) this.#sheet.dismiss();
  }

  /**
   * Read out once the whole answer is there: a reader that speaks every token is of no help. What was announced last
   * stays, as it may not have been read yet.
   */
  announce(words: string): void {
    const text = new RichText({ links: [], images: [] });
    text.draw(words);
    this.#announcer.append(text.root);
    if (this.#announcer.childElementCount > 2) this.#announcer.firstChild?.remove();
  }

  /** Says whether Escape had something smaller to close than the window. */
  dismiss(): boolean {
    if (!this.#menu.close()) return this.#sheet.dismiss();
    this.#menu.button.focus();
    return true;
  }

  /** The line on privacy, with the link to more. */
  privacy({ notices: { privacy } }: Pick<Dress, "notices">): (Node | string)[] {
    const href = safeHref(privacy.url);
    const line: (Node | string)[] = privacy.text ? [" ", element("bdi", {}, privacy.text)] : [];
    if (href) line.push(" ", drawLink({ links: undefined, images: [] }, href, document.createTextNode(this.#labels.privacy)));
    return line;
  }
}

function drawCrest(logo: string): HTMLElement {
  const crest = element("span", { class: "crest" }, icon("spark"));
  const src = safeHref(logo);
  if (!src) return crest;
  const image = element("img", { alt: "", referrerpolicy: "no-referrer" });
  image.onload = () => crest.replaceChildren(image);
  image.src = src;
  return crest;
}
