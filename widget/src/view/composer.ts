/** The field a visitor writes in, and its button: to send, or while an answer runs, to stop it. */

import { dominantDirection } from "../direction.ts";
import type { Labels } from "../labels.ts";
import { button, element, icon } from "./dom.ts";

const MAX_LENGTH = 16_000;
/** So many characters fill the field to its greatest height. */
const SURELY_FULL = 4_000;
/** The second click of a double click falls on what has taken the button's place. */
const DOUBLE_CLICK_MS = 500;

export interface ComposerActions {
  /** Says whether the text was taken; if not, it stays in the field. */
  send(text: string): boolean;
  stop(): void;
  /** Told whatever stands in the field, so that a reload does not lose it. */
  drafted(text: string): void;
}

export class Composer {
  readonly root: HTMLFormElement;
  readonly #labels: Labels;
  readonly #actions: ComposerActions;
  readonly #field: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #excess: HTMLElement;
  readonly #count = element("span", { dir: "ltr" });
  #pressedAt = -DOUBLE_CLICK_MS;

  constructor(labels: Labels, actions: ComposerActions) {
    this.#labels = labels;
    this.#actions = actions;
    this.#field = element("textarea", {
      rows: "1",
      placeholder: labels.placeholder,
      "aria-label": labels.input,
      enterkeyhint: "send",
    });
    this.#send = button(labels.send, "action send", icon("send"));
    this.#send.type = "submit";
    this.#stop = button(labels.stop, "action stop", icon("stop"));
    this.#excess = element("p", { class: "excess", role: "alert", hidden: "" });
    const row = element("div", { class: "composer" }, this.#field, this.#send, this.#stop);
    this.root = element("form", {}, this.#excess, row);
    this.root.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.#send.onclick = ({ timeStamp }) => (this.#pressedAt = timeStamp);
    this.#stop.onclick = ({ timeStamp }) => {
      if (timeStamp - this.#pressedAt >= DOUBLE_CLICK_MS) this.#actions.stop();
    };
    this.#field.oninput = () => {
      this.#fit();
      this.#actions.drafted(this.#field.value);
    };
    this.#field.onkeydown = (event) => this.#key(event);
    this.busy(false);
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
    this.#fit();
  }

  /** Puts words into the field; what is being written there goes first. */
  fill(text: string): void {
    if (this.#field.value !== "" || text === "") return;
    this.#field.value = text;
    this.#actions.drafted(text);
    this.#fit();
  }

  /** While the visitor has not agreed yet, nothing is written. */
  set isLocked(isLocked: boolean) {
    this.#field.disabled = isLocked;
  }

  clear(): void {
    this.#field.value = "";
    this.#actions.drafted("");
    this.#fit();
  }

  busy(isBusy: boolean): void {
    const hadFocus = this.root.querySelector("button:focus") !== null;
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    this.#fit();
    if (hadFocus) this.#field.focus({ preventScroll: true });
  }

  #submit(): void {
    if (this.#send.disabled || !this.#actions.send(this.#field.value)) return;
    this.clear();
  }

  /** While an input method is composing, Enter chooses a word, and its code is another one. */
  #key(event: KeyboardEvent): void {
    if (event.keyCode !== 13 || event.shiftKey) return;
    event.preventDefault();
    this.#submit();
  }

  /** The field runs as what is typed in it does; an empty one as the widget. */
  #fit(): void {
    const { value } = this.#field;
    const direction = dominantDirection(value) ?? "";
    if (this.#field.dir !== direction) this.#field.dir = direction;
    // the server counts characters, a string's length counts halves of some
    const length = value.length > MAX_LENGTH ? [...value.trim()].length : value.length;
    const isTooLong = length > MAX_LENGTH;
    this.#send.disabled = isTooLong || value.trim() === "";
    this.#showExcess(isTooLong, length);
    if (value.length > SURELY_FULL) {
      this.#field.style.height = "100vh"; // as far as it may; a long text takes long to measure
      return;
    }
    this.#field.style.height = "auto";
    // an empty one is one row, and what is not on the page yet cannot be measured
    if (value && this.#field.isConnected) this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  /** Nothing is cut off in silence: the visitor sees how much is too much, and decides. */
  #showExcess(isTooLong: boolean, length: number): void {
    this.#field.ariaInvalid = `${isTooLong}`;
    this.#count.textContent = ` ${length} / ${MAX_LENGTH}`;
    if (isTooLong !== this.#excess.hidden) return;
    this.#excess.hidden = !isTooLong;
    this.#excess.replaceChildren(...(isTooLong ? [this.#labels.tooLong, this.#count] : []));
  }
}
