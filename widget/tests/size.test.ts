import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";

const root = mkdtempSync(join(tmpdir(), "csai-size-"));
const SMALL = { "csai_widget/static/widget.js": 2_900, "csai_widget/static/widget/app-1.js": 19_000, "dist/index.js": 100, "dist/module/app-1.js": 100 };

beforeEach(() => {
  for (const folder of ["csai_widget/static/widget", "dist/module"]) mkdirSync(join(root, folder), { recursive: true });
  for (const [file, size] of Object.entries(SMALL)) put(file, size);
});
after(() => rmSync(root, { recursive: true }));

/** Of noise, which does not compress. */
function put(file: string, size: number): void {
  writeFileSync(join(root, file), randomBytes(size));
}

function measure(): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, [join(import.meta.dirname, "../size.ts"), root], { encoding: "utf8" });
}

test("what is within its budget passes", () => assert.equal(measure().status, 0));

test("a loader above its budget fails, and is named", () => {
  put("csai_widget/static/widget.js", 3_000);
  const { status, stdout } = measure();
  assert.equal(status, 1);
  assert.match(stdout, /^loader .*ABOVE by \d+$/m);
});

test("the app counts with all that comes with it", () => {
  put("csai_widget/static/widget/part-1.js", 1_000);
  const { status, stdout } = measure();
  assert.equal(status, 1);
  assert.match(stdout, /^app, all in .*ABOVE by \d+$/m);
});
