/** Every word the widget says by itself. A language is one more object of this shape. */

export interface Labels {
  readonly language: string;
  readonly direction: "ltr" | "rtl";
  readonly title: string;
  readonly greeting: string;
  readonly open: string;
  readonly close: string;
  readonly subtitle: string;
  readonly aiNotice: string;
  readonly placeholder: string;
  readonly input: string;
  readonly send: string;
  readonly stop: string;
  readonly retry: string;
  readonly retryIn: (seconds: number) => string;
  readonly restart: string;
  readonly restartQuestion: string;
  readonly restartYes: string;
  readonly restartNo: string;
  readonly latest: string;
  readonly thinking: string;
  readonly messages: string;
  readonly you: string;
  readonly assistant: string;
  readonly teammate: string;
  readonly sources: string;
  readonly stopped: string;
  readonly handedOff: string;
  readonly offline: string;
  readonly reconnecting: string;
  readonly historyFailed: string;
  readonly failedConnection: string;
  readonly failedRate: string;
  readonly failedRefused: string;
  readonly failedLimit: string;
  readonly failedServer: string;
  readonly opensInNewTab: string;
  readonly confirmQuestion: string;
  readonly confirmYes: string;
  readonly confirmNo: string;
  readonly confirmed: string;
  readonly declined: string;
  readonly confirmOver: string;
  /** First words of tool names: while it runs, when it is done, when it failed. */
  readonly toolVerbs: Readonly<Record<string, readonly [string, string, string]>>;
  readonly toolOther: readonly [string, string, string];
}

const checking = ["Checking", "Checked", "Could not check"] as const;
const searching = ["Searching", "Searched", "Could not search"] as const;

const en: Labels = {
  language: "en",
  direction: "ltr",
  title: "Chat with us",
  greeting: "Hi there! How can I help you today?",
  open: "Open chat",
  close: "Close chat",
  subtitle: "AI assistant",
  aiNotice: "You are talking to an AI. It can make mistakes.",
  placeholder: "Write a message…",
  input: "Your message",
  send: "Send message",
  stop: "Stop answering",
  retry: "Try again",
  retryIn: (seconds) => `Try again in ${seconds} s`,
  restart: "New conversation",
  restartQuestion: "Start over? This conversation will end.",
  restartYes: "Start over",
  restartNo: "Keep it",
  latest: "Go to the latest message",
  thinking: "Writing an answer",
  messages: "Messages",
  you: "You",
  assistant: "Assistant",
  teammate: "Team",
  sources: "Sources",
  stopped: "Stopped",
  handedOff: "A person from our team is taking over.",
  offline: "You are offline",
  reconnecting: "Reconnecting…",
  historyFailed: "Earlier messages could not be loaded.",
  failedConnection: "The message did not get through. Is your connection working?",
  failedRate: "That was a lot of messages at once. Please wait a moment.",
  failedRefused: "This chat is not available here at the moment.",
  failedLimit: "This chat has reached its limit for now. Please contact us another way.",
  failedServer: "Something went wrong on our side.",
  opensInNewTab: "opens in a new tab",
  confirmQuestion: "Please confirm",
  confirmYes: "Confirm",
  confirmNo: "Do not do it",
  confirmed: "Confirmed",
  declined: "Declined",
  confirmOver: "This can no longer be confirmed. Ask for it again if you still want it.",
  toolVerbs: {
    get: checking,
    check: checking,
    fetch: checking,
    read: checking,
    list: checking,
    find: ["Looking for", "Looked for", "Could not look for"],
    lookup: ["Looking up", "Looked up", "Could not look up"],
    search: searching,
    query: searching,
    calculate: ["Calculating", "Calculated", "Could not calculate"],
    book: ["Booking", "Booked", "Could not book"],
    schedule: ["Scheduling", "Scheduled", "Could not schedule"],
    create: ["Creating", "Created", "Could not create"],
    add: ["Adding", "Added", "Could not add"],
    update: ["Updating", "Updated", "Could not update"],
    change: ["Changing", "Changed", "Could not change"],
    cancel: ["Cancelling", "Cancelled", "Could not cancel"],
    send: ["Sending", "Sent", "Could not send"],
    track: ["Tracking", "Tracked", "Could not track"],
  },
  toolOther: ["Working on", "Finished", "Could not finish"],
};

const languages: Readonly<Record<string, Labels>> = { en };

export function labelsFor(language: string | undefined): Labels {
  return languages[language?.split("-")[0]?.toLowerCase() ?? "en"] ?? en;
}

/** Turns `get_order_status` into "Checking order status" and its two outcomes. */
export function toolLabel(name: string, state: "running" | "done" | "failed", labels: Labels): string {
  const words = name.replace(/([\p{Ll}\d])(\p{Lu})/gu, "$1 $2").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const verbs = Object.hasOwn(labels.toolVerbs, words[0] ?? "") ? labels.toolVerbs[words[0] ?? ""] : undefined;
  const [running, done, failed] = verbs ?? labels.toolOther;
  const object = (verbs ? words.slice(1) : words).join(" ");
  const verb = { running, done, failed }[state];
  return [verb, object].filter(Boolean).join(" ") + (state === "running" ? "…" : "");
}
