/** Prints what the dashboard's heaviest page costs as the first one, compressed, beside the budget; ends with 1 where it is above it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

interface Built {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
  readonly isDynamicEntry?: boolean;
}

const STATIC = join(process.argv[2] ?? import.meta.dirname, "csai_dashboard/static");
const BUDGET_GZIP_BYTES = 195_000;
/** What stands on every page: what the page is made in, and the shell. */
const EVERYWHERE = ["index.html", "src/shell/shell.tsx"];
const FILES = ["index.html", "first.js", "icon.svg"];

const built = JSON.parse(readFileSync(join(STATIC, "built.json"), "utf8")) as Readonly<Record<string, Built>>;
const words = entriesIn("src/messages/");
const pages = entriesIn("src/pages/");
const sizes = new Map<string, number>();
if (words.length === 0 || pages.length === 0) throw new Error("Words or pages are not among what was built: size.ts looks for them in the wrong place.");

const loads = pages.flatMap((page) => words.map((language) => ({ page, language, files: filesOf([...EVERYWHERE, language, page]) })));
const [heaviest] = loads.toSorted((one, other) => total(other.files) - total(one.files));
if (heaviest === undefined) throw new Error("There is nothing to compare.");
for (const file of heaviest.files) console.log(`  ${file.padEnd(50)} ${String(sizeOf(file)).padStart(8)}`);
console.log(`the heaviest of ${loads.length} first loads: ${heaviest.page} with ${heaviest.language}`);
const bytes = total(heaviest.files);
const isWithin = bytes <= BUDGET_GZIP_BYTES;
const verdict = isWithin ? "" : `ABOVE by ${bytes - BUDGET_GZIP_BYTES}`;
console.log(`${"dashboard, first load (gzip)".padEnd(52)} ${String(bytes).padStart(8)} ${String(BUDGET_GZIP_BYTES).padStart(8)}  ${verdict}`.trimEnd());
if (!isWithin) process.exitCode = 1;

/** Those that are fetched when they are needed. */
function entriesIn(folder: string): readonly string[] {
  return Object.keys(built).filter((name) => name.startsWith(folder) && built[name]?.isDynamicEntry);
}

/** With everything that they import. */
function filesOf(entries: readonly string[]): readonly string[] {
  const names = new Set(entries);
  const files = new Set(FILES);
  for (const name of names) {
    const chunk = built[name];
    if (chunk === undefined) throw new Error(`${name} is not among what was built.`);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const imported of chunk.imports ?? []) names.add(imported);
  }
  return [...files];
}

function total(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + sizeOf(file), 0);
}

function sizeOf(file: string): number {
  const known = sizes.get(file) ?? gzipSync(readFileSync(join(STATIC, file)), { level: 9 }).length;
  sizes.set(file, known);
  return known;
}
