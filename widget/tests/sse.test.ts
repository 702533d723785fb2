import assert from "node:assert/strict";
import { test } from "node:test";

import { SseParser, type ServerEvent } from "../src/sse.ts";

const STREAM = 'event: turn.started\r\nid: t:1\r\ndata: {"a":1}\r\n\r\n: ping\n\ndata: one\ndata:two\nid: t:2\n\nevent: שלום\rdata: 👋\r\r';
const EXPECTED: ServerEvent[] = [
  { id: "t:1", type: "turn.started", data: '{"a":1}' },
  { id: "t:2", type: "message", data: "one\ntwo" },
  { id: "t:2", type: "שלום", data: "👋" },
];

function parse(chunks: readonly string[]): ServerEvent[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

test("events are the same wherever the stream is cut in two", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    assert.deepEqual(parse([STREAM.slice(0, cut), STREAM.slice(cut)]), EXPECTED, `cut at ${cut}`);
  }
});

test("events are the same when every character comes alone", () => {
  assert.deepEqual(parse(STREAM.split("")), EXPECTED);
});

test("an event whose blank line never came is not given out", () => {
  assert.deepEqual(parse(["data: half"]), []);
  assert.deepEqual(parse(["data: half\n"]), []);
});

test("an event without data is not given out", () => {
  assert.deepEqual(parse(["event: text.delta\n\n"]), []);
});
