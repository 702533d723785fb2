import assert from "node:assert/strict";
import { test } from "node:test";

import { isFrom } from "../src/hosts.ts";
import { identityFrom, visitorOf } from "../src/identity.ts";
import { readAnswer, readConfig, readEvent, readHistory } from "../src/wire.ts";

const NONSENSE: unknown[] = [undefined, null, 7, "x", true, [], {}, [null], { text: 7, messages: 7, branding: [] }];

test("nothing that a server may send is more than the widget can take", () => {
  for (const sent of NONSENSE) {
    assert.equal(readAnswer(sent), undefined);
    const nothing = { messages: [], confirmations: [], next: 0, state: "", teammate: "", live_id: "" };
    const { messages, ...more } = readHistory(sent);
    assert.deepEqual(more, { confirmations: [], next: 0, state: "", teammate: "", live_id: "" });
    for (const message of messages) assert.deepEqual(message, { id: "", role: "", author: "", content: "" });
    assert.deepEqual(readHistory(undefined), nothing);
    const { branding, features, notices, quick_replies } = readConfig(sent);
    assert.deepEqual(branding, { greeting: "", title: "", theme: "", logo_url: "", link_hosts: undefined, image_hosts: undefined });
    assert.ok(Object.values(features).every((isOn) => !isOn));
    assert.deepEqual([notices.ai.is_shown, notices.is_consent_required, quick_replies], [true, false, []]);
    assert.equal(readEvent("turn.started", sent), undefined);
    assert.deepEqual(readEvent("text.delta", sent), { type: "text.delta", text: "" });
    assert.equal(readEvent("constructor", sent), undefined);
  }
});

test("an answer without its parts has empty ones", () => {
  const answer = readAnswer({ status: "completed", citations: [null, { title: 7 }], confirmations: [{ details: [7] }] });
  assert.deepEqual(answer?.message, { id: "", role: "", author: "", content: "" });
  assert.deepEqual(answer.citations, [{ title: "", url: "" }, { title: "", url: "" }]);
  assert.deepEqual(answer.confirmations?.[0]?.details, [{ label: "", value: "" }]);
});

test("a host stands for itself, with a star for all below it", () => {
  const hosts = ["shop.example", "*.cdn.example", "127.0.0.1:8000"];
  const allowed = ["https://shop.example/a", "https://a.b.cdn.example/", "http://127.0.0.1:8000/x", "mailto:a@b.example"];
  const refused = ["https://shop.example.evil.example/", "https://evilshop.example/", "https://cdn.example/", "https://xcdn.example/"];
  refused.push("http://127.0.0.1/", "https://shop.example:444/", "https://evil.example/?shop.example");
  for (const address of allowed) assert.ok(isFrom(hosts, address), address);
  for (const address of refused) assert.ok(!isFrom(hosts, address), address);
});

test("an identity is a token, or a label with or without its hash", () => {
  assert.deepEqual(identityFrom({ user_token: "t", user_identifier: "7" }), { user_token: "t" });
  assert.deepEqual(identityFrom({ user_identifier: "7", user_hash: "h" }), { user_identifier: "7", user_hash: "h" });
  assert.deepEqual(identityFrom({ user_identifier: "7" }), { user_identifier: "7" });
  for (const nobody of [null, undefined, {}, { user_hash: "h" }, { user_token: "" }]) assert.equal(identityFrom(nobody), undefined);
});

test("two tokens of one visitor are of one visitor", () => {
  const token = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;
  assert.equal(visitorOf({ user_token: token({ sub: "7", exp: 1, note: "??>>" }) }), "7");
  assert.equal(visitorOf({ user_token: token({ sub: "7", exp: 2 }) }), "7");
  assert.equal(visitorOf({ user_token: "garbage" }), "garbage");
  assert.equal(visitorOf({ user_identifier: "7" }), "7");
});
