/** The npm package as it would be published. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const consumer = mkdtempSync(join(tmpdir(), "csai-consumer-"));
mkdirSync(join(consumer, "node_modules"));
symlinkSync(ROOT, join(consumer, "node_modules/csai-widget"));
writeFileSync(join(consumer, "package.json"), '{ "type": "module" }');
after(() => rmSync(consumer, { recursive: true }));

test("a bundled page finds the function and its types", () => {
  writeFileSync(join(consumer, "page.ts"), `
    import { mount, type Handle, type WidgetEvent, type WidgetOptions } from "csai-widget";
    const options: WidgetOptions = { apiKey: "pk_1", apiUrl: "https://chat.example", position: "top-left" };
    const event: WidgetEvent = "reply";
    export function start(): Handle {
      const handle = mount(options);
      const end: () => void = handle.on(event, (detail?: string) => detail);
      end();
      return handle;
    }
    // @ts-expect-error a position that there is not
    mount({ ...options, position: "middle" });
  `);
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom", "--types", ""];
  for (const [module, resolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]] as const) {
    const tsc = [join(ROOT, "node_modules/typescript/bin/tsc"), ...flags, "--module", module, "--moduleResolution", resolution, "page.ts"];
    try {
      execFileSync(process.execPath, tsc, { cwd: consumer, encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      assert.fail((error as { stdout: string }).stdout);
    }
  }
});

test("a server that renders pages may import it", () => {
  const script = 'import("csai-widget").then(({ mount }) => process.stdout.write(typeof mount))';
  assert.equal(execFileSync(process.execPath, ["-e", script], { cwd: consumer, encoding: "utf8" }), "function");
});

test("what its description names is there, with the version everywhere", () => {
  const described = JSON.parse(read("package.json")) as { version: string; exports: Record<string, unknown>; unpkg: string };
  for (const path of [...JSON.stringify(described.exports).matchAll(/"(\.\/[^"]+\.(?:js|ts))"/g)].map((match) => match[1])) {
    if (path !== "./widget.js") assert.ok(read(path ?? "").length > 0, path);
  }
  assert.match(read("pyproject.toml"), new RegExp(`^version = "${described.version}"$`, "m"));
  for (const file of ["dist/index.js", described.unpkg, pinned().file]) assert.ok(read(file).includes(described.version), file);
});

test("the loader pins the app by its content, and both have source maps", () => {
  const { file, integrity } = pinned();
  const app = readFileSync(join(ROOT, file));
  assert.equal(integrity, `sha256-${createHash("sha256").update(app).digest("base64")}`);
  for (const script of ["dist/widget.js", file]) {
    const [, map] = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(read(script)) ?? [];
    const { sources } = JSON.parse(read(join(script, "..", map ?? ""))) as { sources: string[] };
    assert.ok(sources.some((source) => source.endsWith(".ts")), script);
  }
});

function pinned(): { file: string; integrity: string } {
  const [, file = "", integrity = ""] = /file:"([^"]+)",integrity:"([^"]+)"/.exec(read("dist/widget.js")) ?? [];
  return { file: `dist/${file}`, integrity };
}
