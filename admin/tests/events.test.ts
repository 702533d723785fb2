import assert from "node:assert/strict";
import { test } from "node:test";

import { type ServerEvent, eventsOf } from "../src/api/events.ts";

function answerIn(...pieces: readonly Uint8Array[]): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );
}

test("events are whole wherever the network cuts them, also within a letter", async () => {
  const bytes = new TextEncoder().encode('id: t:1\nevent: text.delta\ndata: {"text":"שלום"}\n\n: still working\n\nid: t:2\nevent: turn.completed\ndata: {}\n\n');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const found: ServerEvent[] = [];
    for await (const event of eventsOf(answerIn(bytes.slice(0, cut), bytes.slice(cut)))) found.push(event);
    assert.deepEqual(found, [
      { name: "text.delta", data: { text: "שלום" } },
      { name: "turn.completed", data: {} },
    ]);
  }
});
