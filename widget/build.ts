/** Builds all that goes out: the app and the loader that pins it for the script tag, and the npm package. */

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { minify } from "terser";
import { build, type InlineConfig, type Plugin } from "vite";

const ROOT = import.meta.dirname;
const STATIC = join(ROOT, "csai_widget/static");
const DIST = join(ROOT, "dist");
const isWatching = process.argv.includes("--watch");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };

async function all(): Promise<void> {
  const made = join(DIST, "making");
  rmSync(join(ROOT, "node_modules/.built-from"), { force: true }); // hatch_build.py writes it anew
  mkdirSync(DIST, { recursive: true });
  for (const name of readdirSync(DIST)) if (name !== "types" || !isWatching) rmSync(join(DIST, name), { recursive: true });
  await bundle("app-script", made, {});
  const pin = settle(made);
  await bundle("main", made, { __PIN__: JSON.stringify(pin) });
  rename(join(made, "main.js"), join(DIST, "widget.js"));
  rmSync(made, { recursive: true });
  await modules();
  publish();
}

async function bundle(entry: string, outDir: string, define: Record<string, string>): Promise<void> {
  await build(config(define, {
    lib: { entry: join(ROOT, `src/${entry}.ts`), formats: ["iife"], name: "csaiWidget", fileName: () => `${entry}.js` },
    outDir,
  }));
  await shrink(join(outDir, `${entry}.js`));
}

/** For bundlers, and for pages that import modules: the app is a chunk of its own here too. */
async function modules(): Promise<void> {
  await build(config({}, {
    lib: { entry: join(ROOT, "src/index.ts"), formats: ["es"], fileName: () => "index.js" },
    outDir: DIST,
    modulePreload: false,
    rollupOptions: { output: { minify: true, chunkFileNames: "module/[name]-[hash].js" } },
  }, [twice("svg.ts")]));
  for (const name of ["index.js", ...readdirSync(join(DIST, "module")).map((name) => `module/${name}`)]) {
    if (name.endsWith(".js")) await shrink(join(DIST, name));
  }
}

/** What the loader and the app both have a few lines of is in both: a chunk of its own would cost more than it saves. */
function twice(file: string): Plugin {
  const mark = "?again";
  return {
    name: "twice",
    enforce: "pre",
    resolveId: (id, importer) => (id === `./${file}` && importer ? join(importer, "..", file) + mark : undefined),
    load: (id) => (id.endsWith(file + mark) ? { code: readFileSync(id.slice(0, -mark.length), "utf8"), moduleType: "ts" } : undefined),
  };
}

/** A second pass by another minifier, which finds some 3 % that the first one leaves. */
async function shrink(path: string): Promise<void> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const { code, map } = await minify({ [name]: readFileSync(path, "utf8") }, {
    ecma: 2020,
    module: !path.startsWith(join(DIST, "making")),
    compress: { passes: 3, pure_getters: true },
    // What is fetched because somebody waits for it is compiled while it arrives, and not function by function.
    format: { preamble: name.startsWith("app") ? "//# allFunctionsCalledOnLoad" : "" },
    sourceMap: { content: readFileSync(`${path}.map`, "utf8"), filename: name, url: `${name}.map` },
  });
  writeFileSync(path, `${code}\n`);
  writeFileSync(`${path}.map`, String(map));
}

function config(define: Record<string, string>, options: NonNullable<InlineConfig["build"]>, plugins: Plugin[] = []): InlineConfig {
  return {
    plugins,
    root: ROOT,
    configFile: false,
    logLevel: "warn",
    define: { __VERSION__: JSON.stringify(version), ...define },
    build: {
      emptyOutDir: false,
      copyPublicDir: false,
      sourcemap: true,
      target: "es2022",
      cssTarget: ["chrome123", "firefox128", "safari17.5"],
      minify: "oxc",
      ...options,
    },
  };
}

/** The app under the name that its content gives it; what names the version comes behind all that the source map maps. */
function settle(made: string): { file: string; integrity: string } {
  const path = join(made, "app-script.js");
  writeFileSync(path, readFileSync(path, "utf8").replace("//# sourceMappingURL", `// csai-widget ${version}\n$&`));
  const hash = createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 12);
  const file = `widget/app-${hash}.js`;
  const app = rename(path, join(DIST, file));
  return { file, integrity: `sha256-${createHash("sha256").update(app).digest("base64")}` };
}

/** With its source map, which it names in its last line. */
function rename(from: string, to: string): Buffer {
  const [before = "", after = ""] = [from, to].map((path) => path.slice(path.lastIndexOf("/") + 1));
  mkdirSync(join(to, ".."), { recursive: true });
  writeFileSync(to, readFileSync(from, "utf8").replace(`sourceMappingURL=${before}.map`, `sourceMappingURL=${after}.map`));
  renameSync(`${from}.map`, `${to}.map`);
  rmSync(from);
  return readFileSync(to);
}

/** What the server serves is what a CDN would, each script beside its compressed forms. */
function publish(): void {
  for (const name of readdirSync(STATIC)) if (name.startsWith("widget")) rmSync(join(STATIC, name), { recursive: true });
  for (const name of ["widget.js", "widget.js.map", "widget"]) cpSync(join(DIST, name), join(STATIC, name), { recursive: true });
  for (const name of ["widget.js", ...readdirSync(join(STATIC, "widget")).map((name) => `widget/${name}`)]) {
    if (!name.endsWith(".js")) continue;
    const path = join(STATIC, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
  }
}

await all();
if (isWatching) {
  let isDue = false;
  watch(join(ROOT, "src"), { recursive: true }, () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      all().catch(console.error);
    }, 200);
  });
}
