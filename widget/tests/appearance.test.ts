import assert from "node:assert/strict";
import { test } from "node:test";

import { contrast, parseHex, readableOn, type Rgb, textOn } from "../src/color.ts";
import { labelsFor, toolLabel } from "../src/labels.ts";
import { withBranding } from "../src/options.ts";

const WHITE: Rgb = [255, 255, 255];
const DARK: Rgb = [28, 29, 34];

test("hexadecimal colours are read in both lengths, and nothing else is", () => {
  assert.deepEqual(parseHex("#0af"), [0, 170, 255]);
  assert.deepEqual(parseHex(" #00AAFF "), [0, 170, 255]);
  for (const text of ["", "red", "#12345", "#1234567", "url(#abc)"]) assert.equal(parseHex(text), undefined);
});

test("text on any brand colour can be read", () => {
  for (const color of everyColor()) assert.ok(contrast(textOn(color), color) >= 4.5, String(color));
});

test("any brand colour used as text can be read on light and on dark", () => {
  for (const color of everyColor()) {
    for (const surface of [WHITE, DARK]) assert.ok(contrast(readableOn(surface, color), surface) >= 4.5, String(color));
  }
});

test("a brand colour that can be read already is left alone", () => {
  assert.deepEqual(readableOn(WHITE, [52, 81, 209]), [52, 81, 209]);
});

test("a tool's name becomes words for each of its states", () => {
  const labels = labelsFor("en-GB");
  assert.equal(toolLabel("get_order_status", "running", labels), "Checking order status…");
  assert.equal(toolLabel("get_order_status", "done", labels), "Checked order status");
  assert.equal(toolLabel("bookAppointment", "failed", labels), "Could not book appointment");
  assert.equal(toolLabel("weather.today", "running", labels), "Working on weather today…");
  assert.equal(toolLabel("constructor", "done", labels), "Finished constructor");
  assert.equal(toolLabel("", "running", labels), "Working on…");
});

test("what the page says about looks goes before what the server says", () => {
  const page = { apiKey: "pk_a", apiUrl: "https://a.example", title: "Page" };
  const merged = withBranding(page, { title: "Server", greeting: "Hello", position: "top-left", theme: "pink" });
  assert.deepEqual(merged, { ...page, greeting: "Hello", position: "top-left" });
});

function* everyColor(): Generator<Rgb> {
  for (let red = 0; red <= 255; red += 17) {
    for (let green = 0; green <= 255; green += 17) {
      for (let blue = 0; blue <= 255; blue += 17) yield [red, green, blue];
    }
  }
}
