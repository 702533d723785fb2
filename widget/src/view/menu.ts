/** What can be done with the conversation, behind a button of the header. */

import { button, element, icon } from "./dom.ts";

/** Its words, and what it does; undefined where that is not to be had now. */
export type Item = readonly [label: string, act: () => void] | undefined;

export class Menu {
  readonly button: HTMLButtonElement;
  readonly list = element("ul", { class: "menu", hidden: "" });

  /** `items` are asked for each time it opens. */
  constructor(label: string, items: () => readonly Item[]) {
    this.button = button(label, "tool-button", icon("more"));
    this.button.onclick = (event) => {
      event.stopPropagation(); // any other click in the window closes it
      this.#show(this.list.hidden ? items() : []);
      this.list.querySelector("button")?.focus();
    };
    this.#show([]);
  }

  /** Says whether it was open. */
  close(): boolean {
    const wasOpen = !this.list.hidden;
    this.#show([]);
    return wasOpen;
  }

  #show(items: readonly Item[]): void {
    this.list.replaceChildren(...items.flatMap((item) => (item ? [this.#draw(item)] : [])));
    this.list.hidden = items.length === 0;
    this.button.ariaExpanded = `${!this.list.hidden}`;
  }

  #draw([label, act]: NonNullable<Item>): HTMLElement {
    const made = element("button", { type: "button" }, label);
    made.onclick = () => {
      this.button.focus(); // the item goes away
      act();
    };
    return element("li", {}, made);
  }
}
