/** Prints what the dashboard's first page costs, compressed, beside the budget; ends with 1 where it is above it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

interface Built {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
}

const STATIC = join(process.argv[2] ?? import.meta.dirname, "csai_dashboard/static");
const BUDGET_GZIP_BYTES = 200_000;
/** What stands on the first page: the shell, its words, and the page that is fullest. */
const FIRST = ["index.html", "src/messages/en/index.ts", "src/shell/shell.tsx", "src/pages/home.tsx"];

const built = JSON.parse(readFileSync(join(STATIC, "built.json"), "utf8")) as Readonly<Record<string, Built>>;
const names = new Set(FIRST);
const files = new Set(["index.html", "first.js", "icon.svg"]);
for (const name of names) {
  const chunk = built[name];
  if (chunk === undefined) throw new Error(`${name} is not among what was built: name another page in size.ts.`);
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const imported of chunk.imports ?? []) names.add(imported);
}

let total = 0;
for (const file of files) {
  const gzip = gzipSync(readFileSync(join(STATIC, file)), { level: 9 }).length;
  total += gzip;
  console.log(`  ${file.padEnd(50)} ${String(gzip).padStart(8)}`);
}
const isWithin = total <= BUDGET_GZIP_BYTES;
const verdict = isWithin ? "" : `ABOVE by ${total - BUDGET_GZIP_BYTES}`;
console.log(`${"dashboard, first load (gzip)".padEnd(52)} ${String(total).padStart(8)} ${String(BUDGET_GZIP_BYTES).padStart(8)}  ${verdict}`.trimEnd());
if (!isWithin) process.exitCode = 1;
