/** The field a visitor writes in, and its button: to send, or while an answer runs, to stop it. */

import type { Labels } from "../labels.ts";
import { button, element, icon } from "./dom.ts";

const MAX_LENGTH = 16_000;

export interface ComposerActions {
  /** Says whether the text was taken; if not, it stays in the field. */
  send(text: string): boolean;
  stop(): void;
}

export class Composer {
  readonly root: HTMLFormElement;
  readonly #actions: ComposerActions;
  readonly #field: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;

  constructor(labels: Labels, actions: ComposerActions) {
    this.#actions = actions;
    this.#field = element("textarea", {
      rows: "1",
      dir: "auto",
      maxlength: String(MAX_LENGTH),
      placeholder: labels.placeholder,
      "aria-label": labels.input,
      enterkeyhint: "send",
    });
    this.#send = button(labels.send, "action send", icon("send"));
    this.#send.type = "submit";
    this.#stop = button(labels.stop, "action stop", icon("stop"));
    this.root = element("form", { class: "composer" }, this.#field, this.#send, this.#stop);
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => this.#actions.stop());
    this.#field.addEventListener("input", () => this.#fit());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.busy(false);
  }

  focus(): void {
    this.#field.focus({ preventScroll: true });
    this.#fit();
  }

  busy(isBusy: boolean): void {
    const hadFocus = this.#isFocused(this.#send) || this.#isFocused(this.#stop);
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    this.#fit();
    if (hadFocus) this.#field.focus({ preventScroll: true });
  }

  #isFocused(control: HTMLElement): boolean {
    return (control.getRootNode() as Document | ShadowRoot).activeElement === control;
  }

  #submit(): void {
    if (!this.#actions.send(this.#field.value)) return;
    this.#field.value = "";
    this.#fit();
  }

  /** While an input method is composing, Enter chooses a word. */
  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #fit(): void {
    this.#send.disabled = this.#field.value.trim() === "";
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }
}
