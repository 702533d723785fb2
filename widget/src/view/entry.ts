/** One entry of the conversation on the screen. */

import type { Failure, NoticeEntry, Question, ReplyEntry, ToolProgress, VisitorEntry } from "../conversation.ts";
import { safeHref } from "../inline.ts";
import { type Labels, toolLabel } from "../labels.ts";
import type { Citation, Decision } from "../wire.ts";
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

export interface ReplyActions {
  retry(reply: ReplyEntry): void;
  decide(reply: ReplyEntry, question: Question, decision: Decision): void;
}

export class ReplyView {
  readonly root: HTMLElement;
  readonly #labels: Labels;
  readonly #actions: ReplyActions;
  readonly #text = new RichText();
  readonly #author = element("span", { class: "hidden" });
  readonly #tools = element("ul", { class: "tools" });
  readonly #bubble = element("div", { class: "bubble" }, this.#text.root);
  readonly #dots: HTMLElement;
  readonly #foot = element("div", { class: "foot" });
  #drawnTools = "";
  #retryTimer: ReturnType<typeof setInterval> | undefined;

  constructor(labels: Labels, actions: ReplyActions) {
    this.#labels = labels;
    this.#actions = actions;
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
    // Not before its end: a card that moves under the finger is pressed by mistake.
    if (reply.state === "done" || reply.state === "stopped") {
      parts.push(...reply.questions.map((question) => this.#drawQuestion(reply, question)));
    }
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

  #drawQuestion(reply: ReplyEntry, question: Question): HTMLElement {
    const { asked, decision } = question;
    const labels = this.#labels;
    const details = asked.details.map(({ label, value }) =>
      element("div", {}, element("dt", { dir: "auto" }, label), element("dd", { dir: "auto" }, value)),
    );
    const title = element("p", { dir: "auto" }, `${labels.confirmQuestion}: ${asked.title}`);
    const card = element("div", { class: "wish", role: "group", "aria-label": `${labels.confirmQuestion}: ${asked.title}` }, title);
    if (details.length > 0) card.append(element("dl", {}, ...details));
    if (decision) card.append(element("p", { class: "aside" }, decision === "approve" ? labels.confirmed : labels.declined));
    else {
      const choices = (["approve", "decline"] as const).map((each) => this.#drawChoice(reply, question, each));
      card.append(element("div", { class: "choice" }, ...choices));
    }
    return card;
  }

  #drawChoice(reply: ReplyEntry, question: Question, decision: Decision): HTMLElement {
    const label = decision === "approve" ? this.#labels.confirmYes : this.#labels.confirmNo;
    const choice = element("button", { type: "button", class: decision }, label);
    choice.addEventListener("click", () => this.#actions.decide(reply, question, decision));
    return choice;
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
    retry.addEventListener("click", () => this.#actions.retry(reply));
    return retry;
  }
}
