/** The colours of what several pages tell the state of. */

import type { Call, ConversationSummary } from "../api/types.ts";
import type { Tone } from "../ui/surface.tsx";

export const CALL_TONES: Readonly<Record<Call["status"], Tone>> = {
  waiting: "accent",
  declined: "plain",
  replaced: "plain",
  intended: "accent",
  succeeded: "good",
  failed: "bad",
  refused: "warn",
  unknown: "warn",
};

export const STATE_TONES: Readonly<Record<ConversationSummary["state"], Tone>> = { ai: "plain", queued: "warn", teammate: "accent", closed: "plain" };
