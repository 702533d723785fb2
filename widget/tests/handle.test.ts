import assert from "node:assert/strict";
import { test } from "node:test";

import type { Handle, Progress } from "../src/loader/handle.ts";

Object.assign(globalThis, { __VERSION__: "1.2.3" });
const { makeHandle } = await import("../src/loader/handle.ts");
type Widget = Awaited<ReturnType<Parameters<typeof makeHandle>[0]["start"]>>;

class FakeWidget {
  readonly calls: string[] = [];
  readonly listeners = new Set<() => void>();
  open(): void { this.calls.push("open"); }
  close(): void { this.calls.push("close"); }
  toggle(): void { this.calls.push("toggle"); }
  send(text: string): boolean { return this.calls.push(`send ${text}`) > 0; }
  destroy(): void { this.calls.push("destroy"); }
  on(_: string, listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

interface Given {
  readonly handle: Handle;
  readonly load: (isAwaited?: boolean) => void;
  readonly widget: FakeWidget;
  readonly shown: (Progress | "removed")[];
  readonly starts: () => number;
}

/** `failures`: so many starts fail first. */
function given(failures = 0): Given {
  const widget = new FakeWidget();
  const shown: (Progress | "removed")[] = [];
  let starts = 0;
  const made = makeHandle({
    start: () => (starts++ < failures ? Promise.reject(new Error("no app")) : Promise.resolve(widget as unknown as Widget)),
    show: (progress) => shown.push(progress),
    remove: () => shown.push("removed"),
  });
  return { ...made, widget, shown, starts: () => starts };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("calls before the app are made once it is there, in their order", async () => {
  const { handle, widget, starts } = given();
  handle.open();
  assert.equal(handle.send("one"), true);
  handle.close();
  assert.deepEqual(widget.calls, []);
  await settled();
  assert.deepEqual(widget.calls, ["open", "send one", "close"]);
  handle.toggle();
  assert.deepEqual(widget.calls.at(-1), "toggle");
  assert.equal(starts(), 1);
});

test("listening and closing ask for no app", async () => {
  const { handle, shown, starts } = given();
  handle.on("open", () => undefined);
  handle.close();
  assert.equal(handle.send(" "), false);
  await settled();
  assert.equal(starts(), 0);
  assert.deepEqual(shown, []);
});

test("listening can end before the app is there and after", async () => {
  const { handle, load, widget } = given();
  const endEarly = handle.on("open", () => undefined);
  const endLate = handle.on("open", () => undefined);
  endEarly();
  load();
  await settled();
  assert.equal(widget.listeners.size, 1);
  endLate();
  assert.equal(widget.listeners.size, 0);
});

test("a failure keeps what was said, and the next call tries again", async (context) => {
  const errors = context.mock.method(console, "warn", () => undefined);
  const { handle, widget, shown } = given(1);
  handle.send("one");
  await settled();
  assert.deepEqual(shown, ["loading", "failed"]);
  assert.equal(errors.mock.callCount(), 1);
  handle.open();
  await settled();
  assert.deepEqual(shown, ["loading", "failed", "loading", "there"]);
  assert.deepEqual(widget.calls, ["send one", "open"]);
});

test("a failure that nobody waits for is not shown, until somebody does", async (context) => {
  context.mock.method(console, "warn", () => undefined);
  const { handle, load, shown } = given(2);
  load();
  await settled();
  assert.deepEqual(shown, []);
  handle.open();
  await settled();
  assert.deepEqual(shown, ["loading", "failed"]);
});

test("destroyed while the app is on its way, it takes it off as it comes and does nothing more", async () => {
  const { handle, widget, shown } = given();
  handle.open();
  handle.destroy();
  handle.destroy();
  await settled();
  assert.deepEqual(widget.calls, ["destroy"]);
  assert.deepEqual(shown, ["loading", "removed"]);
  assert.equal(handle.send("late"), false);
});

test("the version is the package's", () => assert.equal(given().handle.version, "1.2.3"));
