/** What stands in the conversation, one below the other. */

import type { PendingMessage } from "./session.ts";
import type { ChatEvent, Citation, Confirmation, Decision } from "./wire.ts";

export interface VisitorEntry {
  readonly kind: "visitor";
  readonly text: string;
}

export interface ReplyEntry {
  readonly kind: "reply";
  /** The message's id, by which it can be judged; empty while it has none. */
  id: string;
  state: "waiting" | "streaming" | "done" | "stopped";
  isTeammate: boolean;
  text: string;
  tools: ToolProgress[];
  citations: readonly Citation[];
  questions: Question[];
  failure: Failure | undefined;
  thumb: Thumb | undefined;
  /** Questions to begin with. */
  choices: readonly string[];
}

export interface NoticeEntry {
  readonly kind: "notice";
  readonly text: string;
}

export type Entry = VisitorEntry | ReplyEntry | NoticeEntry;

export type Thumb = "up" | "down";

/** A write action that the visitor is asked about, and the visitor's word on it. */
export interface Question {
  readonly asked: Confirmation;
  decision?: Decision;
}

export interface ToolProgress {
  readonly id: string;
  readonly name: string;
  state: "running" | "done" | "failed";
}

export interface Failure {
  readonly text: string;
  /** Sent again when the visitor asks for it; without one there is no use in trying. */
  readonly retry: PendingMessage | undefined;
  readonly waitS: number;
}

export function reply(given: Partial<ReplyEntry> = {}): ReplyEntry {
  return {
    kind: "reply",
    id: "",
    state: "done",
    isTeammate: false,
    text: "",
    tools: [],
    citations: [],
    questions: [],
    failure: undefined,
    thumb: undefined,
    choices: [],
    ...given,
  };
}

export function question(asked: Confirmation): Question {
  return { asked };
}

/** As before anything was heard of it. */
export function empty(entry: ReplyEntry): void {
  Object.assign(entry, reply({ state: "waiting" }));
}

/** What an event of its turn changes in it. */
export function apply(entry: ReplyEntry, event: ChatEvent): void {
  if (event.type === "text.delta") {
    entry.state = "streaming";
    entry.text += event.text;
  } else if (event.type === "text.reset") entry.text = "";
  else if (event.type === "tool.started") entry.tools.push({ id: event.id, name: event.name, state: "running" });
  else if (event.type === "tool.finished") finishTool(entry, event.id, event.success);
  else if (event.type === "confirm.requested" && !entry.questions.some(({ asked }) => asked.id === event.id)) {
    entry.questions.push(question(event));
  }
}

function finishTool(entry: ReplyEntry, id: string, isSuccess: boolean): void {
  const tool = entry.tools.find((running) => running.id === id);
  if (tool) tool.state = isSuccess ? "done" : "failed";
}
