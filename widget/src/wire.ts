/** What travels between the widget and the server, by samples: what is sent takes their shape, whatever it was. */

import { type Labels, labelsFrom } from "./labels.ts";

const MESSAGE = { id: "", role: "", author: "", content: "" };
const CONFIRMATION = { id: "", title: "", details: [{ label: "", value: "" }] };
const ANSWER = {
  session_id: "",
  session_token: "",
  status: "",
  message: MESSAGE,
  citations: [{ title: "", url: "" }],
  confirmations: [CONFIRMATION],
};
const HISTORY = { messages: [MESSAGE], confirmations: [CONFIRMATION], next: 0, state: "", teammate: "", live_id: "" };
const CONFIG = {
  client: { name: "" },
  branding: { greeting: "", title: "", theme: "", logo_url: "" },
  features: { handoff: false, email_follow_up: false, feedback: false, rating: false, transcript: false },
  notices: { ai: { is_shown: true, text: "" }, privacy: { text: "", url: "" }, is_consent_required: false },
  quick_replies: [""],
  locale: { language: "en", direction: "ltr" },
};
const EVENTS = {
  "turn.started": { session_id: "", session_token: "" },
  "text.delta": { text: "" },
  "text.reset": {},
  "tool.started": { id: "", name: "" },
  "tool.finished": { id: "", name: "", success: false },
  "confirm.requested": CONFIRMATION,
  handoff: { state: "", teammate: "" },
  "handoff.queue": { position: 0 },
  "teammate.message": { message: MESSAGE },
  "conversation.ended": {},
};
const STATUSES = ["completed", "handed_off", "stopped", "blocked", "failed"];

export type WireMessage = Readonly<typeof MESSAGE>;
/** A write action that waits for the visitor's word. */
export type Confirmation = Readonly<typeof CONFIRMATION>;
export type Answer = Readonly<typeof ANSWER>;
export type Citation = Answer["citations"][number];
export type History = Readonly<typeof HISTORY>;
export type Features = Readonly<typeof CONFIG.features>;
export type Notices = Readonly<typeof CONFIG.notices>;
/** Of the conversation's own events, and of those that tell of teammates. */
export type ChatEvent = { [T in keyof typeof EVENTS]: { readonly type: T } & Readonly<(typeof EVENTS)[T]> }[keyof typeof EVENTS];
export type TurnEvent = ChatEvent | { readonly type: "ended"; readonly answer: Answer };

export type Branding = Readonly<typeof CONFIG.branding> & {
  /** Where answers may link to; without it, anywhere. */
  readonly link_hosts: readonly string[] | undefined;
  /** Where pictures in answers may come from; without it, nowhere. */
  readonly image_hosts: readonly string[] | undefined;
};

export type Config = Readonly<Omit<typeof CONFIG, "branding">> & {
  readonly branding: Branding;
  readonly labels: Labels;
};

export type Decision = "approve" | "decline";

export interface MessageRequest {
  readonly message: string;
  readonly session_id?: string | undefined;
  /** Where the words are the visitor's word on a write action. */
  readonly confirmation_id?: string;
  readonly decision?: Decision;
}

export function readConfig(sent: unknown): Config {
  const { branding, locale } = Object(sent);
  const { link_hosts, image_hosts } = Object(branding);
  const read = shaped(CONFIG, sent);
  const hosts = { link_hosts: textsOf(link_hosts), image_hosts: textsOf(image_hosts) };
  return { ...read, branding: { ...read.branding, ...hosts }, labels: labelsFrom(Object(locale).labels) };
}

export function readHistory(sent: unknown): History {
  return shaped(HISTORY, sent);
}

/** Undefined for what is no answer at all: then the turn's outcome is not known. */
export function readAnswer(sent: unknown): Answer | undefined {
  const answer = shaped(ANSWER, sent);
  return STATUSES.includes(answer.status) ? answer : undefined;
}

/** Undefined for an event that is unknown or of no use; the answer at the turn's end makes up for its loss. */
export function readEvent(type: string, sent: unknown): ChatEvent | undefined {
  if (!Object.hasOwn(EVENTS, type)) return undefined;
  const event = { type, ...shaped(EVENTS[type as keyof typeof EVENTS], sent) } as ChatEvent;
  return event.type === "turn.started" && !(event.session_id && event.session_token) ? undefined : event;
}

/** What was sent, in the shape of the sample: a part that is missing or of another kind is as in the sample, a list empty. */
function shaped<T>(sample: T, sent: unknown): T {
  if (Array.isArray(sample)) return (Array.isArray(sent) ? sent.map((each) => shaped(sample[0], each)) : []) as T;
  if (typeof sample !== "object") return typeof sent === typeof sample ? (sent as T) : sample;
  const parts = Object.entries(sample as object).map(([name, part]) => [name, shaped(part, Object(sent)[name])]);
  return Object.fromEntries(parts) as T;
}

function textsOf(sent: unknown): string[] | undefined {
  return Array.isArray(sent) ? sent.filter((each) => typeof each === "string") : undefined;
}
