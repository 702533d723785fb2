import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { type Answer, ApiProblem, type Route, ask, askTagged, urlOf } from "../src/api/client.ts";

const realFetch = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = realFetch;
});

function answerWith(status: number, body: unknown, headers: Record<string, string> = {}): Request[] {
  const asked: Request[] = [];
  globalThis.fetch = async (url, init) => {
    asked.push(new Request(new URL(String(url), "http://csai.test"), init));
    return new Response(JSON.stringify(body), { status, headers });
  };
  return asked;
}

test("ids in a path are escaped, and what is not asked for is left out", () => {
  const url = urlOf("GET /admin/clients/{client_id}/tool-calls", { path: { client_id: "a/../b" }, query: { tool: null, status: "failed", before: undefined } });
  assert.equal(url, "/admin/clients/a%2F..%2Fb/tool-calls?status=failed");
});

test("a change names what was read", async () => {
  const asked = answerWith(200, { title: "New" }, { ETag: '"2"' });
  const answer = await askTagged("PUT /admin/clients/{client_id}/branding", { path: { client_id: "c" }, tag: '"1"', body: { title: "New" } });
  assert.equal(asked[0]?.headers.get("if-match"), '"1"');
  assert.equal(asked[0]?.method, "PUT");
  assert.deepEqual(answer, { data: { title: "New" }, tag: '"2"' });
});

test("a refusal says why, and which fields are at fault", async () => {
  answerWith(422, { code: "setting_invalid", detail: "It does not fit.", request_id: "r1", errors: [{ pointer: "/settings/url", detail: "no" }, { pointer: "/arms/0/name", detail: "empty" }] });
  const refused = await ask("GET /admin/plugins", {}).catch((error: unknown) => error);
  assert.ok(refused instanceof ApiProblem);
  assert.deepEqual([refused.status, refused.code, refused.message, refused.requestId], [422, "setting_invalid", "It does not fit.", "r1"]);
  assert.deepEqual(refused.fields, { url: "no", "arms.0.name": "empty" });
});

test("a server that cannot be reached is a problem of its own", async () => {
  globalThis.fetch = () => Promise.reject(new TypeError("no network"));
  const refused = await ask("GET /admin/plugins", {}).catch((error: unknown) => error);
  assert.ok(refused instanceof ApiProblem);
  assert.deepEqual([refused.status, refused.code], [0, "unreachable"]);
});

test("an answer that is no problem document is one all the same", async () => {
  globalThis.fetch = async () => new Response("<html>bad gateway</html>", { status: 502 });
  const refused = await ask("GET /admin/plugins", {}).catch((error: unknown) => error);
  assert.ok(refused instanceof ApiProblem);
  assert.equal(refused.status, 502);
});

/** Routes whose answer is no part of what is read at the same address, into which the cache puts it: `npm run types` finds none. */
type Unlike = {
  [R in Route]: R extends `${"PUT" | "PATCH"} ${infer Path}`
    ? `GET ${Path}` extends infer Read extends Route
      ? undefined extends Answer<R> ? never : Answer<R> extends Partial<Answer<Read>> ? never : R
      : never
    : never;
}[Route];

export const isEveryAnswerAPart: [Unlike] extends [never] ? true : Unlike = true;
