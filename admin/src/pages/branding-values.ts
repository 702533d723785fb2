/** A branding as a form has it: lists as lines, what is left to the widget as nothing. */

import type { Branding } from "../api/types.ts";
import { linesOf } from "../lines.ts";

export interface BrandingValues {
  title: string;
  greeting: string;
  primary_color: string;
  position: string;
  theme: string;
  logo_url: string;
  quick_replies: string;
  link_hosts: string;
  image_hosts: string;
  isAiSaid: boolean;
  ai_notice_text: string;
  privacy_text: string;
  privacy_url: string;
  isConsentAsked: boolean;
  handoff: boolean;
  email_follow_up: boolean;
  feedback: boolean;
  rating: boolean;
  transcript: boolean;
}

const TEXTS = ["title", "greeting", "primary_color", "position", "theme", "logo_url", "ai_notice_text", "privacy_text", "privacy_url"] as const;
export const OFFERS = ["handoff", "email_follow_up", "feedback", "rating", "transcript"] as const;

export function valuesOf(branding: Branding): BrandingValues {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, branding[name] ?? ""])) as Pick<BrandingValues, (typeof TEXTS)[number]>;
  const offers = Object.fromEntries(OFFERS.map((name) => [name, branding[name] ?? true])) as Pick<BrandingValues, (typeof OFFERS)[number]>;
  return {
    ...texts,
    ...offers,
    quick_replies: (branding.quick_replies ?? []).join("\n"),
    link_hosts: (branding.link_hosts ?? []).join("\n"),
    image_hosts: (branding.image_hosts ?? []).join("\n"),
    isAiSaid: branding.ai_notice !== "hidden",
    isConsentAsked: branding.consent === "required",
  };
}

export function brandingOf({ isAiSaid, isConsentAsked, ...values }: BrandingValues): Branding {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, values[name].trim() || null]));
  const offers = Object.fromEntries(OFFERS.map((name) => [name, values[name]]));
  return {
    ...texts,
    ...offers,
    quick_replies: linesOf(values.quick_replies),
    link_hosts: orNull(linesOf(values.link_hosts)),
    image_hosts: orNull(linesOf(values.image_hosts)),
    ai_notice: isAiSaid ? "shown" : "hidden",
    consent: isConsentAsked ? "required" : "not_needed",
  };
}

function orNull(lines: string[]): string[] | null {
  return lines.length > 0 ? lines : null;
}
