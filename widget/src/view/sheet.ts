/** A question to the visitor, above the field: a word on something, an address, an opinion. One at a time. */

import { element } from "./dom.ts";

export interface Ask {
  readonly text: string;
  /** Further words and fields below it. */
  readonly more?: readonly (Node | string)[];
  readonly yes: string;
  /** Without it the question stays until it is answered. */
  readonly no?: string;
  /** Given what the fields hold, by name. */
  act(said: FormData): void;
}

export class Sheet {
  readonly root = element("form", { class: "question", hidden: "" });
  readonly #closed: () => void;
  #isOptional = true;
  /** What has to be answered, and so stands again after anything else that was asked. */
  #due: Ask | undefined;

  /** `closed`: told when it was answered or put away. */
  constructor(closed: () => void) {
    this.#closed = closed;
  }

  ask(asked: Ask, isFocused: boolean): void {
    const { text, more = [], yes, no, act } = asked;
    this.#isOptional = no !== undefined;
    if (!this.#isOptional) this.#due = asked;
    const refuse = element("button", { type: "button" }, no);
    refuse.onclick = () => this.dismiss();
    const choices = element("div", { class: "choice" }, no === undefined ? no : refuse, element("button", { class: "primary" }, yes));
    this.root.replaceChildren(element("p", { dir: "auto" }, text), ...more, choices);
    this.root.onsubmit = (event) => {
      event.preventDefault();
      const said = new FormData(this.root);
      if (!this.#isOptional) this.#due = undefined;
      this.#close();
      act(said);
    };
    this.root.hidden = false;
    if (isFocused) this.focus();
  }

  focus(): void {
    this.root.querySelector<HTMLElement>("input, textarea, button")?.focus();
  }

  /** Says whether there was something to put away. */
  dismiss(): boolean {
    if (this.root.hidden || !this.#isOptional) return false;
    this.#close();
    return true;
  }

  #close(): void {
    this.root.hidden = true;
    this.root.replaceChildren();
    this.#closed();
    if (this.#due) this.ask(this.#due, true);
  }
}
