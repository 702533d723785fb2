/** One entry of the conversation on the screen. */

import { type Direction, linesByDirection } from "../direction.ts";
import type { Failure, NoticeEntry, Question, ReplyEntry, Thumb, ToolProgress, VisitorEntry } from "../entry.ts";
import type { AllowedHosts } from "../hosts.ts";
import { safeHref } from "../inline.ts";
import { fill, type Labels, toolLabel } from "../labels.ts";
import type { Citation, Decision } from "../wire.ts";
import { directed } from "./direct.ts";
import { button, element, icon } from "./dom.ts";
import { drawLink, RichText } from "./rich-text.ts";

export function drawVisitor(entry: VisitorEntry, labels: Labels): HTMLElement {
  return element(
    "li",
    { class: "entry visitor" },
    element("span", { class: "hidden" }, `${labels.you}: `),
    element("div", { class: "bubble" }, ...linesByDirection(entry.text).map(drawLines)),
  );
}

function drawLines({ text, direction }: { readonly text: string; readonly direction: Direction | undefined }): HTMLElement {
  return directed(element("div", { dir: "auto" }, text), direction);
}

export function drawNotice(entry: NoticeEntry): HTMLElement {
  return element("li", { class: "entry notice" }, directed(element("span", { dir: "auto" }, entry.text)));
}

export interface ReplyActions {
  retry(reply: ReplyEntry): void;
  decide(reply: ReplyEntry, question: Question, decision: Decision): void;
  judge(reply: ReplyEntry, thumb: Thumb): void;
  /** A question to begin with. */
  choose(question: string): void;
}

const SLOW_MS = 12_000;

export class ReplyView {
  readonly root: HTMLElement;
  readonly #labels: Labels;
  readonly #actions: ReplyActions;
  readonly #hosts: AllowedHosts;
  readonly #hasThumbs: boolean;
  readonly #text: RichText;
  readonly #author = element("span");
  readonly #tools = element("ul", { class: "tools" });
  readonly #bubble: HTMLElement;
  readonly #dots: HTMLElement;
  readonly #slow: HTMLElement;
  readonly #foot = element("div", { class: "foot" });
  #drawnTools = "";
  #retryTimer: ReturnType<typeof setInterval> | undefined;
  #slowTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(labels: Labels, actions: ReplyActions, hosts: AllowedHosts, hasThumbs: boolean) {
    this.#hosts = hosts;
    this.#hasThumbs = hasThumbs;
    this.#text = new RichText(hosts);
    this.#bubble = element("div", { class: "bubble" }, this.#text.root);
    this.#labels = labels;
    this.#actions = actions;
    this.#dots = element(
      "div",
      { class: "bubble dots", role: "img", "aria-label": labels.thinking },
      ...[1, 2, 3].map(() => element("i")),
    );
    this.#slow = element("p", { class: "aside", role: "status", hidden: "" });
    const body = element("div", { class: "body" }, this.#author, this.#tools, this.#bubble, this.#dots, this.#slow, this.#foot);
    const avatar = element("span", { class: "avatar" }, icon("spark"));
    this.root = element("li", { class: "entry reply" }, avatar, body);
  }

  /** The way in which the visitor's last message runs, and so will the answer. */
  set expected(direction: Direction | undefined) {
    this.#text.expected = direction;
  }

  draw(reply: ReplyEntry): void {
    const isWorking = reply.state === "waiting" || reply.state === "streaming";
    // to the eye, it is a person who is out of the ordinary
    this.#author.className = reply.isTeammate ? "aside" : "hidden";
    this.#author.textContent = `${reply.isTeammate ? this.#labels.teammate : this.#labels.assistant}: `;
    this.#drawTools(reply.tools);
    this.#tools.hidden = reply.tools.length === 0;
    this.#text.draw(reply.text, isWorking);
    this.#bubble.hidden = reply.text === "";
    // a tool that runs says so itself, where the dots were
    this.#dots.hidden = !isWorking || reply.text !== "" || reply.tools.some(({ state }) => state === "running");
    this.#watch(!this.#dots.hidden);
    clearInterval(this.#retryTimer);
    const focused = this.#foot.querySelector<HTMLElement>(":focus")?.className;
    this.#foot.replaceChildren(...this.#drawFoot(reply));
    if (focused) this.#foot.querySelector<HTMLElement>(`[class="${focused}"]`)?.focus();
  }

  dispose(): void {
    clearInterval(this.#retryTimer);
    clearTimeout(this.#slowTimer);
  }

  /** Somebody who waits long is told that it is not their doing. */
  #watch(isWaiting: boolean): void {
    if (!isWaiting) {
      clearTimeout(this.#slowTimer);
      this.#slowTimer = undefined;
      this.#showSlow("");
    } else this.#slowTimer ??= setTimeout(() => this.#showSlow(this.#labels.slow), SLOW_MS);
  }

  #showSlow(words: string): void {
    this.#slow.hidden = words === "";
    this.#slow.textContent = words;
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
    else if (this.#hasThumbs && reply.id) parts.push(this.#drawThumbs(reply));
    if (reply.choices.length > 0) parts.push(this.#drawChoices(reply.choices));
    return parts;
  }

  #drawSources(citations: readonly Citation[]): HTMLElement {
    const items = citations.map((citation, index) => {
      const href = citation.url ? safeHref(citation.url) : undefined;
      const number = element("span", { class: "number" }, String(index + 1));
      const title = element("span", { class: "title", dir: "auto" }, citation.title || href || "");
      return element("li", {}, href ? drawLink(this.#hosts, href, number, title) : element("span", {}, number, title));
    });
    const heading = element("p", { class: "aside" }, this.#labels.sources);
    return element("div", { class: "sources" }, heading, element("ol", {}, ...items));
  }

  #drawQuestion(reply: ReplyEntry, question: Question): HTMLElement {
    const { asked, decision } = question;
    const labels = this.#labels;
    const details = asked.details.map(({ label, value }) =>
      element("div", {}, directed(element("dt", { dir: "auto" }, label)), directed(element("dd", { dir: "auto" }, value))),
    );
    const title = `${labels.confirmQuestion}: ${asked.title}`;
    const card = element("div", { class: "wish", role: "group", "aria-label": title }, element("p", {}, title));
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
    choice.onclick = () => this.#actions.decide(reply, question, decision);
    return choice;
  }

  #drawThumbs(reply: ReplyEntry): HTMLElement {
    const { thumbUp, thumbDown } = this.#labels;
    const thumbs = ([["up", thumbUp], ["down", thumbDown]] as const).map(([thumb, label]) => {
      const made = button(label, `thumb ${thumb}`, icon("thumb"));
      made.ariaPressed = `${reply.thumb === thumb}`;
      made.onclick = () => this.#actions.judge(reply, thumb);
      return made;
    });
    return element("div", { class: "thumbs" }, ...thumbs);
  }

  #drawChoices(choices: readonly string[]): HTMLElement {
    const made = choices.map((choice) => {
      const one = directed(element("button", { type: "button", dir: "auto" }, choice));
      one.onclick = () => this.#actions.choose(choice);
      return one;
    });
    return element("div", { class: "choice quick" }, ...made);
  }

  #drawFailure(reply: ReplyEntry, failure: Failure): HTMLElement {
    const text = element("p", {}, icon("alert"), directed(element("span", { dir: "auto" }, failure.text)));
    const retry = failure.retry ? this.#drawRetry(reply, failure.waitS) : undefined;
    return element("div", { class: "failure" }, text, retry);
  }

  #drawRetry(reply: ReplyEntry, waitS: number): HTMLElement {
    const retry = element("button", { type: "button", class: "retry" });
    let left = Math.ceil(waitS);
    const show = (): void => {
      retry.disabled = left > 0;
      retry.textContent = left > 0 ? fill(this.#labels.retryIn, "seconds", left) : this.#labels.retry;
      if (left-- <= 0) clearInterval(this.#retryTimer);
    };
    if (left > 0) this.#retryTimer = setInterval(show, 1_000);
    show();
    retry.onclick = () => this.#actions.retry(reply);
    return retry;
  }
}
