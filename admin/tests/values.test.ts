import assert from "node:assert/strict";
import { test } from "node:test";

import { formatsOf } from "../src/format.ts";
import { labelOf } from "../src/label.ts";
import { brandingOf, valuesOf } from "../src/pages/branding-values.ts";

test("a branding comes back from its form as it went in", () => {
  const branding = {
    title: "Kettle & Co",
    greeting: null,
    primary_color: "#23568f",
    position: null,
    theme: "dark" as const,
    logo_url: null,
    quick_replies: ["Where is my order?", "When are you open?"],
    link_hosts: ["*.shop.example"],
    image_hosts: null,
    ai_notice: "shown" as const,
    ai_notice_text: null,
    privacy_text: null,
    privacy_url: null,
    consent: "required" as const,
    handoff: true,
    email_follow_up: false,
    feedback: true,
    rating: false,
    transcript: true,
  };
  assert.deepEqual(brandingOf(valuesOf(branding)), branding);
});

test("what costs less than a cent does not read as nothing", () => {
  const { money } = formatsOf("en");
  assert.equal(money("0.000123"), "$0.00012");
  assert.equal(money("12.5"), "$12.50");
  assert.equal(money("3", "eur"), "€3.00");
});

test("time is told from now", () => {
  const { ago, duration } = formatsOf("en");
  const now = Date.parse("2026-11-26T12:00:00Z");
  assert.equal(ago("2026-11-26T11:57:00Z", now), "3 minutes ago");
  assert.equal(ago("2026-11-25T11:00:00Z", now), "yesterday");
  assert.equal(ago("2026-11-26T11:59:50Z", now), "now");
  assert.equal(duration(420), "420 ms");
  assert.equal(duration(2_340), "2.3 sec");
  assert.equal(duration(90_000), "1.5 min");
  assert.equal(duration(86_400_000), "24 hr");
});

test("a unit follows its number in a line from right to left too", () => {
  assert.match(formatsOf("he").duration(420), /^\u2068.*\u2069$/);
});

test("Hebrew tells one minute once, and a day in its order within a chart", () => {
  const { ago, date } = formatsOf("he");
  const now = Date.parse("2026-11-26T12:00:00Z");
  assert.equal(ago("2026-11-26T11:58:50Z", now), "לפני דקה");
  assert.equal(ago("2026-11-26T11:57:00Z", now), "לפני 3 דקות");
  assert.match(date("2026-11-27"), /^\u2068.*\u2069$/);
});

test("a day is the same day west of Greenwich", () => {
  const zone = process.env["TZ"];
  process.env["TZ"] = "America/Los_Angeles";
  try {
    assert.equal(formatsOf("en").date("2026-11-27"), "Nov 27, 2026");
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("a code that nobody has named is read as words", () => {
  assert.equal(labelOf({ "tool.tried": "Tool tried" }, "tool.tried"), "Tool tried");
  assert.equal(labelOf({}, "loyalty.points_given"), "loyalty points given");
  assert.equal(labelOf({}, "constructor"), "constructor");
});
