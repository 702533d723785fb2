/** The bubble in the corner. */

import type { Labels } from "../labels.ts";
import { button, element, icon } from "./dom.ts";

export class Launcher {
  readonly root: HTMLButtonElement;
  readonly #labels: Labels;
  readonly #badge = element("span", { class: "badge", "aria-hidden": "true" });
  #unread = 0;

  constructor(labels: Labels, onClick: () => void) {
    this.#labels = labels;
    this.root = button(labels.open, "launcher", icon("chat"), icon("down"), this.#badge);
    this.root.setAttribute("aria-haspopup", "dialog");
    this.root.addEventListener("click", onClick);
    this.isOpen = false;
  }

  set isOpen(isOpen: boolean) {
    const label = isOpen ? this.#labels.close : this.#labels.open;
    this.root.classList.toggle("open", isOpen);
    this.root.setAttribute("aria-expanded", String(isOpen));
    this.root.setAttribute("aria-label", label);
    this.root.title = label;
    if (isOpen) this.#unread = 0;
    this.#drawBadge();
  }

  addUnread(): void {
    this.#unread++;
    this.#drawBadge();
  }

  #drawBadge(): void {
    this.#badge.textContent = String(this.#unread);
    this.#badge.hidden = this.#unread === 0;
  }
}
