import assert from "node:assert/strict";
import { test } from "node:test";

import type { ConversationItem } from "../src/api/types.ts";
import { followed } from "../src/pages/conversation-merge.ts";
import { NO_FILTER, queryOf, searchOf } from "../src/pages/conversation-query.ts";

function item(id: string, minute: number, changes: Partial<ConversationItem> = {}): ConversationItem {
  const at = `2026-11-26T12:${String(minute).padStart(2, "0")}:00Z`;
  return {
    id,
    client_id: "c1",
    client_name: "Kettle & Cloth",
    session_id: `s-${id}`,
    state: "ai",
    since: null,
    teammate: null,
    ended_at: null,
    channel: "widget",
    visitor: null,
    email: null,
    started_at: at,
    last_message_at: at,
    messages: 2,
    tokens: 10,
    cost: "0.000010",
    tool_calls: 0,
    failed_tool_calls: 0,
    thumbs_down: 0,
    rating: null,
    last_message: { author: "ai", text: "Hello", created_at: at },
    ...changes,
  };
}

const PAGE = [item("b", 20), item("a", 10)];
const NOTHING = new Map();

test("a conversation that goes on is told at its place, and counted by nobody", () => {
  const { rows, others } = followed(PAGE, [item("a", 30, { messages: 4 }), item("b", 20)], NOTHING);
  assert.deepEqual(rows.map(({ id, messages, isChanged }) => [id, messages, isChanged]), [["b", 2, false], ["a", 4, true]]);
  assert.equal(others, 0);
});

test("one that fits the filter no more stays, as the event tells it and without words that are old", () => {
  const { last_message: _words, ...told } = item("b", 31, { state: "teammate" });
  const { rows } = followed(PAGE, [item("a", 10)], new Map([["b", told]]));
  assert.deepEqual([rows[0]?.state, rows[0]?.isChanged, rows[0]?.last_message], ["teammate", true, null]);
});

test("only what would stand above the page is news", () => {
  const { rows, others } = followed(PAGE, [item("d", 40), item("c", 30), item("b", 20), item("older", 5)], NOTHING);
  assert.deepEqual(rows.map(({ id }) => id), ["b", "a"]);
  assert.equal(others, 2);
  assert.equal(followed([], [item("first", 1)], NOTHING).others, 1);
});

test("a client's page asks for its own, whatever the address says of a client", () => {
  assert.equal(queryOf({ ...NO_FILTER, client: "c2" }, "c1").client_id, "c1");
  assert.equal(queryOf({ ...NO_FILTER, client: "c2" }, "").client_id, "c2");
});

test("each choice of tools and feedback asks for one thing", () => {
  const asked = (changes: Partial<typeof NO_FILTER>) => {
    const { has_tools, failed_tool, thumbs_down, rating } = queryOf({ ...NO_FILTER, ...changes }, "");
    return [has_tools, failed_tool, thumbs_down, rating];
  };
  assert.deepEqual(asked({}), [null, false, false, null]);
  assert.deepEqual(asked({ tools: "true" }), [true, false, false, null]);
  assert.deepEqual(asked({ tools: "false" }), [false, false, false, null]);
  assert.deepEqual(asked({ tools: "failed", feedback: "down" }), [null, true, true, null]);
  assert.deepEqual(asked({ feedback: "3" }), [null, false, false, 3]);
});

test("the last day is asked for to its end, and what is no day is not asked for", () => {
  const { since, until } = queryOf({ ...NO_FILTER, from: "2026-05-01", to: "2026-05-01" }, "");
  assert.equal(Date.parse(until ?? "") - Date.parse(since ?? ""), 86_400_000);
  assert.equal(queryOf({ ...NO_FILTER, from: "soon" }, "").since, null);
});

test("an address keeps what is filtered, and nothing else", () => {
  assert.equal(searchOf(NO_FILTER), "");
  assert.equal(searchOf({ ...NO_FILTER, q: "tea & cups", state: "ai" }), "?q=tea+%26+cups&state=ai");
});
