import assert from "node:assert/strict";
import { test } from "node:test";

import { type Faults, type Schema, choicesOf, draftOf, groupOf, kindOf, resolved } from "../src/form/schema.ts";

const SCHEMA: Schema = {
  type: "object",
  required: ["order_id"],
  properties: {
    order_id: { type: "string" },
    count: { type: ["integer", "null"] },
    express: { type: "boolean" },
    size: { oneOf: [{ const: "s", title: "Small" }, { const: "l", title: "Large" }] },
    tags: { type: "array", items: { type: "string" } },
    address: { $ref: "#/$defs/Address" },
    extra: { type: "object" },
    key: { type: ["string", "null"], writeOnly: true },
  },
  $defs: { Address: { type: "object", required: ["city"], properties: { city: { type: "string" }, zip: { type: "string" } } } },
};

function read(drafts: Parameters<typeof groupOf>[1]): { values: unknown; faults: Faults } {
  const faults: Faults = new Map();
  const untouched = draftOf(SCHEMA, {}, SCHEMA) as Parameters<typeof groupOf>[1];
  return { values: groupOf(SCHEMA, { ...untouched, ...drafts }, SCHEMA, faults), faults };
}

test("every kind of field is told by its schema", () => {
  const kinds = Object.entries(SCHEMA.properties ?? {}).map(([name, part]) => [name, kindOf(resolved(part, SCHEMA))]);
  assert.deepEqual(Object.fromEntries(kinds), {
    order_id: "text",
    count: "number",
    express: "flag",
    size: "choice",
    tags: "list",
    address: "group",
    extra: "json",
    key: "secret",
  });
});

test("what is typed becomes the values that the schema asks for", () => {
  const { values, faults } = read({
    order_id: "ORD-1",
    count: "3",
    express: true,
    size: "l",
    tags: [{ item: "red" }],
    address: { city: "Oslo", zip: "" },
    extra: '{"a": 1}',
    key: "",
  });
  assert.equal(faults.size, 0);
  assert.deepEqual(values, { order_id: "ORD-1", count: 3, express: true, size: "l", tags: ["red"], address: { city: "Oslo" }, extra: { a: 1 } });
});

test("what was read comes back as it was", () => {
  const before = { order_id: "ORD-1", count: 0, express: false, tags: ["a", "b"], address: { city: "Oslo" }, extra: [1] };
  const { values } = read(draftOf(SCHEMA, before, SCHEMA) as Parameters<typeof groupOf>[1]);
  assert.deepEqual(values, before);
});

test("what is missing or no number or no JSON is named by its path", () => {
  const { faults } = read({ order_id: "", count: "many", extra: "{", address: { city: "", zip: "1" } });
  assert.deepEqual(Object.fromEntries(faults), { order_id: "required", count: "numberInvalid", extra: "jsonInvalid", "address.city": "required" });
});

test("an alternative with null is the other one", () => {
  assert.equal(kindOf(resolved({ anyOf: [{ type: "integer" }, { type: "null" }] }, SCHEMA)), "number");
  assert.deepEqual(choicesOf({ enum: ["a", null] }), [{ value: "a", title: "a" }]);
});

test("names that would be taken for a path are left to JSON", () => {
  assert.equal(kindOf({ type: "object", properties: { "a.b": { type: "string" } } }), "json");
});

test("a schema that has itself in it ends in JSON rather than never", () => {
  const root: Schema = {
    type: "object",
    properties: { tree: { $ref: "#/$defs/Tree" }, place: { $ref: "#/$defs/Place" } },
    $defs: {
      Tree: { type: "object", properties: { children: { type: "array", items: { $ref: "#/$defs/Branch" } } } },
      Branch: { type: "object", properties: { tree: { $ref: "#/$defs/Tree" } } },
      Place: { type: "object", properties: { city: { type: "string" } } },
    },
  };
  assert.deepEqual(draftOf(root, undefined, root), { tree: "", place: { city: "" } });
});
