import assert from "node:assert/strict";
import { test } from "node:test";

import { newPending, SessionStore } from "../src/session.ts";

class FakeStorage implements Storage {
  readonly items = new Map<string, string>();
  get length(): number { return this.items.size; }
  clear(): void { this.items.clear(); }
  key(): null { return null; }
  getItem(name: string): string | null { return this.items.get(name) ?? null; }
  removeItem(name: string): void { this.items.delete(name); }
  setItem(name: string, value: string): void { this.items.set(name, value); }
}

class RefusingStorage extends FakeStorage {
  override getItem(): never { throw new Error("refused"); }
  override setItem(): never { throw new Error("refused"); }
}

const session = { id: "s1", token: "t1" };
const pending = { key: "k", request: { message: "hello" } };

test("what one page stores the next page finds", () => {
  const storage = new FakeStorage();
  const store = new SessionStore("pk_a", storage);
  store.keep({ session });
  store.keep({ pending });
  const next = new SessionStore("pk_a", storage);
  assert.deepEqual(next.record.session, session);
  assert.deepEqual(next.record.pending, pending);
});

test("another key has a record of its own", () => {
  const storage = new FakeStorage();
  new SessionStore("pk_a", storage).keep({ session });
  assert.equal(new SessionStore("pk_b", storage).record.session, undefined);
});

test("clearing forgets the session and the message under way", () => {
  const store = new SessionStore("pk_a", new FakeStorage());
  store.keep({ session });
  store.keep({ pending });
  store.clear();
  assert.equal(store.record.session, undefined);
  assert.equal(store.record.pending, undefined);
});

test("refused or missing storage is replaced by memory", () => {
  for (const storage of [new RefusingStorage(), undefined]) {
    const store = new SessionStore("pk_a", storage);
    store.keep({ session });
    assert.deepEqual(store.record.session, session);
  }
});

test("storage that takes no more is replaced by memory, whatever it still holds", () => {
  const storage = new FakeStorage();
  new SessionStore("pk_a", storage).keep({ session: { id: "old", token: "old" } });
  const store = new SessionStore("pk_a", storage);
  storage.setItem = () => { throw new Error("full"); };
  store.keep({ session });
  assert.deepEqual(store.record.session, session);
});

test("a new conversation is still the same visitor's", () => {
  const store = new SessionStore("pk_a", new FakeStorage());
  store.keep({ visitor: "7" });
  store.clear();
  assert.equal(store.record.visitor, "7");
});

test("a record that something else wrote is as good as none", () => {
  for (const text of ["{", "7", "null", '{"session":{"id":7}}', '{"pending":{"key":"k"}}', '{"session":null}']) {
    const storage = new FakeStorage();
    storage.setItem("csai:pk_a", text);
    const store = new SessionStore("pk_a", storage);
    assert.equal(store.record.session, undefined, text);
    assert.equal(store.record.pending, undefined, text);
  }
});

test("every message gets a UUID of its own as its key", () => {
  const keys = Array.from({ length: 100 }, () => newPending({ message: "same" }).key);
  assert.equal(new Set(keys).size, 100);
  for (const key of keys) assert.match(key, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});
