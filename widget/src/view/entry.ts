/** One entry of the conversation on the screen. */

import type { Failure, NoticeEntry, ReplyEntry, ToolProgress, VisitorEntry } from "../conversation.ts";
import { safeHref } from "../inline.ts";
import { type Labels, toolLabel } from "../labels.ts";
import type { Citation } from "../wire.ts";
import { element, icon } from "./dom.ts";
import { drawLink, RichText } from "./rich-text.ts";

export function drawVisitor(entry: VisitorEntry, labels: Labels): HTMLElement {
  return element(
    "li",
    { class: "entry visitor" },
    element("span", { class: "hidden" }, `${labels.you}: `),
    element("div", { class: "bubble" }, element("div", { dir: "auto" }, entry.text)),
  );
}

export function drawNotice(entry: NoticeEntry): HTMLElement {
  return element("li", { class: "entry notice" }, element("span", { dir: "auto" }, entry.text));
}

export class ReplyView {
  readonly root: HTMLElement;
  readonly #labels: Labels;
  readonly #onRetry: (reply: ReplyEntry) => void;
  readonly #text = new RichText();
  readonly #author = element("span", { class: "hidden" });
  readonly #tools = element("ul", { class: "tools" });
  readonly #bubble = element("div", { class: "bubble" }, this.#text.root);
  readonly #dots: HTMLElement;
  readonly #foot = element("div", { class: "foot" });
  #drawnTools = "";
  #retryTimer: ReturnType<typeof setInterval> | undefined;

  constructor(labels: Labels, onRetry: (reply: ReplyEntry) => void) {
    this.#labels = labels;
    this.#onRetry = onRetry;
    this.#dots = element(
      "div",
      { class: "bubble dots", role: "img", "aria-label": labels.thinking },
      ...[1, 2, 3].map(() => element("i")),
    );
    const body = element("div", { class: "body" }, this.#author, this.#tools, this.#bubble, this.#dots, this.#foot);
    const avatar = element("span", { class: "avatar" }, icon("spark"));
    this.root = element("li", { class: "entry reply" }, avatar, body);
  }

  draw(reply: ReplyEntry): void {
    const isWorking = reply.state === "waiting" || reply.state === "streaming";
    this.#author.textContent = `${reply.author === "teammate" ? this.#labels.teammate : this.#labels.assistant}: `;
    this.#drawTools(reply.tools);
    this.#tools.hidden = reply.tools.length === 0;
    this.#text.draw(reply.text);
    this.#bubble.hidden = reply.text === "";
    this.#dots.hidden = !isWorking || reply.text !== "";
    clearInterval(this.#retryTimer);
    this.#foot.replaceChildren(...this.#drawFoot(reply));
    this.root.classList.toggle("working", isWorking);
  }

  dispose(): void {
    clearInterval(this.#retryTimer);
  }

  /** Drawn anew only when something changed: a spinner that starts over at every token does not spin. */
  #drawTools(tools: readonly ToolProgress[]): void {
    const wanted = JSON.stringify(tools);
    if (wanted === this.#drawnTools) return;
    this.#drawnTools = wanted;
    this.#tools.replaceChildren(...tools.map((tool) => this.#drawTool(tool)));
  }

  #drawTool(tool: ToolProgress): HTMLElement {
    const mark = { running: element("span", { class: "spinner" }), done: icon("check"), failed: icon("alert") };
    return element(
      "li",
      { class: `tool ${tool.state}` },
      mark[tool.state],
      element("span", { dir: "auto" }, toolLabel(tool.name, tool.state, this.#labels)),
    );
  }

  #drawFoot(reply: ReplyEntry): HTMLElement[] {
    const parts: HTMLElement[] = [];
    if (reply.citations.length > 0) parts.push(this.#drawSources(reply.citations));
    if (reply.state === "stopped") parts.push(element("p", { class: "aside" }, this.#labels.stopped));
    if (reply.failure) parts.push(this.#drawFailure(reply, reply.failure));
    return parts;
  }

  #drawSources(citations: readonly Citation[]): HTMLElement {
    const items = citations.map((citation, index) => {
      const href = citation.url ? safeHref(citation.url) : undefined;
      const number = element("span", { class: "number" }, String(index + 1));
      const title = element("span", { class: "title", dir: "auto" }, citation.title || href || "");
      return element("li", {}, href ? drawLink(href, number, title) : element("span", {}, number, title));
    });
    const heading = element("p", { class: "aside" }, this.#labels.sources);
    return element("div", { class: "sources" }, heading, element("ol", {}, ...items));
  }

  #drawFailure(reply: ReplyEntry, failure: Failure): HTMLElement {
    const text = element("p", { dir: "auto" }, icon("alert"), element("span", {}, failure.text));
    const retry = failure.retry ? this.#drawRetry(reply, failure.waitS) : undefined;
    return element("div", { class: "failure" }, text, retry);
  }

  #drawRetry(reply: ReplyEntry, waitS: number): HTMLElement {
    const retry = element("button", { type: "button", class: "retry" });
    let left = Math.ceil(waitS);
    const show = (): void => {
      retry.disabled = left > 0;
      retry.textContent = left > 0 ? this.#labels.retryIn(left) : this.#labels.retry;
      if (left-- <= 0) clearInterval(this.#retryTimer);
    };
    if (left > 0) this.#retryTimer = setInterval(show, 1_000);
    show();
    retry.addEventListener("click", () => this.#onRetry(reply));
    return retry;
  }
}
