/** What a visitor is told of an error, and whether it helps to try again. */

import { ApiError, ConnectionLost } from "./api.ts";
import type { Label } from "./labels.ts";

/** Where it does not help to try again. */
const FINAL: readonly Label[] = ["confirmOver", "tooLong", "failedLimit", "failedRefused"];
const BY_CODE: Readonly<Record<string, Label>> = {
  user_token_invalid: "failedIdentity",
  user_hash_invalid: "failedIdentity",
  message_too_long: "tooLong",
  limit_reached: "failedLimit",
};
const BY_STATUS: Readonly<Record<number, Label>> = { 409: "failedServer", 413: "tooLong", 429: "failedRate" };

/** `isDecision`: what was sent is the visitor's word on a write action. */
export function verdictOn(error: unknown, isDecision: boolean): { readonly label: Label; readonly isFinal: boolean } {
  const label = labelOf(error, isDecision);
  return { label, isFinal: FINAL.includes(label) };
}

function labelOf(error: unknown, isDecision: boolean): Label {
  if (error instanceof ConnectionLost) return "failedConnection";
  if (!(error instanceof ApiError)) return "failedServer";
  const { status, code } = error;
  if (isDecision && [404, 409].includes(status)) return "confirmOver";
  return BY_CODE[code] ?? BY_STATUS[status] ?? (status < 500 ? "failedRefused" : "failedServer");
}

/** The conversation has ended, or is no longer known. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.code === "conversation_ended");
}
