import assert from "node:assert/strict";
import { test } from "node:test";

import { fill, type Labels, labelsFrom, toolLabel } from "../src/labels.ts";
import { wanted } from "../src/options.ts";
import { readConfig } from "../src/wire.ts";

const LABELS: Labels = labelsFrom({
  retryIn: "{seconds} s",
  toolOther: "Working on {what}…|Finished {what}|Could not finish {what}",
  "tool:get": "Checking {what}…|Checked {what}|Could not check {what}",
  "tool:book": "Booking {what}…|Booked {what}|Could not book {what}",
});

test("a tool's name becomes words for each of its states", () => {
  assert.equal(toolLabel("get_order_status", "running", LABELS), "Checking order status…");
  assert.equal(toolLabel("get_order_status", "done", LABELS), "Checked order status");
  assert.equal(toolLabel("bookAppointment", "failed", LABELS), "Could not book appointment");
  assert.equal(toolLabel("weather.today", "running", LABELS), "Working on weather today…");
  assert.equal(toolLabel("constructor", "done", LABELS), "Finished constructor");
  assert.equal(toolLabel("", "running", LABELS), "Working on…");
});

test("a translation may leave a tool's English name out", () => {
  const labels = { ...LABELS, "tool:get": "בודקים…|נבדק|לא נבדק" };
  assert.equal(toolLabel("get_order_status", "done", labels), "נבדק");
});

test("of the words that a server sends, only words are taken", () => {
  const labels = labelsFrom({ send: "שליחה", open: 5, close: {}, __proto__: "x" });
  assert.deepEqual({ ...labels }, { send: "שליחה" });
  for (const nothing of [undefined, null, 5, "he", []]) assert.deepEqual(Object.values(labelsFrom(nothing)).join(""), nothing === "he" ? "he" : "");
});

test("what is filled in is a text, whatever signs it has", () => {
  assert.equal(fill(LABELS.retryIn, "seconds", 7), "7 s");
  assert.equal(fill("{name} is here", "name", "$& {name}"), "$& {name} is here");
});

test("what the page says goes before what the server says, and nothing is made of nonsense", () => {
  const { branding } = readConfig({ branding: { title: "Server", greeting: "Hello", theme: "dark", link_hosts: ["shop.example", 7], image_hosts: 5 } });
  const page = { apiKey: "pk_a", apiUrl: "https://a.example", title: "Page", greeting: 5, imageHosts: "a.example, b.example" };
  const found = wanted(page, branding);
  assert.deepEqual([found.title, found.greeting, found.theme], ["Page", "Hello", "dark"]);
  assert.deepEqual(found.hosts, { links: ["shop.example"], images: ["a.example", "b.example"] });
  assert.equal(found.open, false);
  for (const open of ["", "true", true]) assert.equal(wanted({ ...page, open }, branding).open, true);
  for (const open of ["false", false]) assert.equal(wanted({ ...page, open }, branding).open, false);
  const nothing = wanted({ apiKey: "pk_a", apiUrl: "" }, readConfig(null).branding);
  assert.deepEqual(nothing.hosts, { links: undefined, images: [] });
});
