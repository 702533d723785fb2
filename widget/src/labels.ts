/** The words that the widget says by itself. All of them come with the configuration, in the visitor's language. */

export type Label =
  | "title" | "greeting" | "open" | "close" | "menu" | "subtitle" | "aiNotice" | "placeholder" | "input" | "send" | "submit"
  | "stop" | "retry" | "retryIn" | "restart" | "restartQuestion" | "restartYes" | "restartNo" | "latest" | "thinking"
  | "messages" | "you" | "assistant" | "teammate" | "sources" | "stopped" | "handedOff" | "offline" | "reconnecting"
  | "historyFailed" | "failedConnection" | "failedRate" | "failedRefused" | "failedLimit" | "failedLoading"
  | "failedServer" | "failedIdentity" | "tooLong" | "slow" | "confirmQuestion" | "confirmYes" | "confirmNo"
  | "confirmed" | "declined" | "confirmOver" | "toolOther" | "unread" | "talk" | "talkWish" | "queued" | "joined"
  | "left" | "ended" | "emailQuestion" | "email" | "emailTaken" | "skip" | "thumbUp" | "thumbDown"
  | "commentQuestion" | "comment" | "thanks" | "ratingQuestion" | "ratingOf" | "transcript" | "erase"
  | "eraseQuestion" | "eraseYes" | "erased" | "privacy" | "consentQuestion" | "consentYes";

export type Labels = Readonly<Record<Label, string>> & {
  /** What is said of a tool, by the first word of its name: while it runs, when it is done, when it failed. */
  readonly [tool: `tool:${string}`]: string;
};

/** What the server sent of a language: a word that it does not know is left out. */
export function labelsFrom(sent: unknown): Labels {
  const known = Object.entries(Object(sent)).filter(([, label]) => typeof label === "string");
  return Object.fromEntries(known) as Labels;
}

/** The label with `{name}` replaced. */
export function fill(label: string, name: string, value: string | number): string {
  return label.replace(`{${name}}`, () => String(value));
}

/** Turns `get_order_status` into "Checking order status" and its two outcomes. */
export function toolLabel(name: string, state: "running" | "done" | "failed", labels: Labels): string {
  const words = name.replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const ofVerb = labels[`tool:${words[0]}`];
  const label = (ofVerb ?? labels.toolOther).split("|")[["running", "done", "failed"].indexOf(state)] ?? "";
  const what = words.slice(ofVerb ? 1 : 0).join(" ");
  return fill(what ? label : label.replace(" {what}", ""), "what", what);
}

/** What is said when somebody else answers from now on. */
export function handNotice({ handedOff, joined, left, ended, teammate: somebody }: Labels, state: string, teammate: string): string | undefined {
  const notices: Readonly<Record<string, string>> = { queued: handedOff, closed: ended, ai: left };
  return state === "teammate" ? fill(joined, "name", teammate || somebody) : notices[state];
}
