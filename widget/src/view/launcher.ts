/** The bubble in the corner, drawn by the loader. */

import { fill, type Labels } from "../labels.ts";
import { element, icon } from "./dom.ts";

export class Launcher {
  readonly root: HTMLButtonElement;
  readonly #labels: Labels;
  readonly #badge = element("span", { class: "badge", "aria-hidden": "true" });
  #unread = 0;
  #isOpen = false;

  constructor(labels: Labels, bubble: HTMLButtonElement) {
    this.#labels = labels;
    this.root = bubble;
    this.root.ariaHasPopup = "dialog";
    this.root.append(icon("down"), this.#badge);
    this.isOpen = false;
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    this.root.classList.toggle("open", isOpen);
    this.root.ariaExpanded = `${isOpen}`;
    if (isOpen) this.#unread = 0;
    this.#draw();
  }

  addUnread(): void {
    this.#unread++;
    this.#draw();
  }

  #draw(): void {
    const { open, close, unread } = this.#labels;
    this.root.title = this.#isOpen ? close : open;
    this.root.ariaLabel = this.#unread ? `${open} (${fill(unread, "count", this.#unread)})` : this.root.title;
    this.#badge.textContent = `${this.#unread}`;
    this.#badge.hidden = this.#unread === 0;
  }
}
