/** The questions that the visitor is asked above the field. */

import { fill, type Labels } from "../labels.ts";
import { element } from "./dom.ts";
import type { Ask } from "./sheet.ts";

/** `privacy`: what there is to read about it. */
export function askConsent({ consentQuestion: text, consentYes: yes }: Labels, privacy: readonly (Node | string)[], act: () => void): Ask {
  return { text, more: privacy, yes, act };
}

export function askEmail({ emailQuestion: text, email, submit: yes, skip: no }: Labels, act: (email: string) => void): Ask {
  const field = element("input", {
    type: "email",
    name: "email",
    required: "",
    maxlength: "254",
    autocomplete: "email",
    dir: "ltr",
    placeholder: email,
    "aria-label": email,
  });
  return { text, more: [field], yes, no, act: (said) => act(textOf(said, "email")) };
}

/** Why an answer was of no help. */
export function askComment(labels: Labels, act: (comment: string) => void): Ask {
  const { commentQuestion: text, submit: yes, skip: no } = labels;
  return { text, more: [commentField(labels)], yes, no, act: (said) => act(textOf(said, "comment")) };
}

/** One to five stars for the conversation. */
export function askRating(labels: Labels, act: (rating: number, comment: string) => void): Ask {
  const { ratingQuestion: text, submit: yes, skip: no } = labels;
  const stars = element("div", { class: "stars", role: "radiogroup", "aria-label": text });
  for (let value = 1; value <= 5; value++) {
    const label = fill(labels.ratingOf, "stars", value);
    const star = element("input", { class: "hidden", type: "radio", name: "rating", value: `${value}`, required: "", "aria-label": label });
    stars.append(element("label", {}, star, "★"));
  }
  return { text, more: [stars, commentField(labels)], yes, no, act: (said) => act(Number(said.get("rating")), textOf(said, "comment")) };
}

function commentField({ comment }: Labels): HTMLElement {
  return element("textarea", { name: "comment", rows: "2", maxlength: "2000", placeholder: comment, "aria-label": comment });
}

function textOf(said: FormData, name: string): string {
  return String(said.get(name) ?? "");
}
