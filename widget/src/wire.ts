/** What travels between the widget and the server. Whatever a server may leave out is optional here. */

export interface Config {
  readonly client?: { readonly name?: string };
  readonly branding?: Branding;
}

export interface Branding {
  readonly primary_color?: string;
  readonly greeting?: string;
  readonly title?: string;
  readonly position?: string;
  readonly theme?: string;
}

export interface WireMessage {
  readonly id?: string;
  readonly role: string;
  readonly author?: string | null;
  readonly content: string;
  readonly created_at?: string;
}

export interface Citation {
  readonly title?: string;
  readonly url?: string | null;
}

/** A write action that waits for the visitor's word. */
export interface Confirmation {
  readonly id: string;
  readonly tool: string;
  readonly title: string;
  readonly details: readonly { readonly label: string; readonly value: string }[];
}

export type Decision = "approve" | "decline";

export interface Answer {
  readonly session_id: string;
  readonly session_token: string;
  readonly turn_id: string;
  readonly status: "completed" | "handed_off" | "stopped" | "blocked" | "failed";
  readonly message?: WireMessage | null;
  readonly citations?: readonly Citation[];
  readonly confirmations?: readonly Confirmation[];
}

export interface History {
  readonly messages: readonly WireMessage[];
  readonly confirmations?: readonly Confirmation[];
  readonly next?: string | number | null;
}

export interface MessageRequest {
  readonly message: string;
  readonly session_id?: string;
  /** Where the words are the visitor's word on a write action. */
  readonly confirmation_id?: string;
  readonly decision?: Decision;
}

export type TurnEvent =
  | { readonly type: "turn.started"; readonly session_id: string; readonly session_token: string; readonly turn_id: string }
  | { readonly type: "text.delta"; readonly text: string }
  | { readonly type: "text.reset" }
  | { readonly type: "tool.started"; readonly id: string; readonly name: string }
  | { readonly type: "tool.finished"; readonly id: string; readonly name: string; readonly success: boolean }
  | ({ readonly type: "confirm.requested" } & Confirmation)
  | { readonly type: "handoff" }
  | { readonly type: "ended"; readonly answer: Answer };
