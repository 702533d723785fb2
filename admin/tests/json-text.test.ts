import assert from "node:assert/strict";
import { test } from "node:test";

import { parsedJson } from "../src/form/json-text.ts";

test("JSON is read, and what is none is told by its place", () => {
  assert.deepEqual(parsedJson('{"a": [1]}'), { value: { a: [1] } });
  const faults = [
    ['{"a": 1,\n "b" 2}', 2, 6],
    ['{\n  "a":', 2, 7],
    ['{"type": "object",\n "properties": }', 2, 16],
    ['[{"a": [true, -1.5e3, "\\u00e9"]}, 01]', 1, 36],
    ['{"a": 1,}', 1, 9],
    ["{'a': 1}", 1, 2],
    ["", 1, 1],
    ["1 2", 1, 3],
  ] as const;
  for (const [text, line, column] of faults) assert.deepEqual(parsedJson(text), { fault: { line, column } }, text);
});
