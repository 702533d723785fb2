/** Prints what a visitor's browser has to fetch, compressed, beside the budget; ends with 1 where something is above it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

interface Budget {
  readonly what: string;
  readonly files: readonly string[];
  readonly gzipBytes: number;
}

const ROOT = process.argv[2] ?? import.meta.dirname;
const STATIC = "csai_widget/static";

const budgets: readonly Budget[] = [
  { what: "loader", files: [`${STATIC}/widget.js`], gzipBytes: 3_000 },
  { what: "app, all in", files: scripts(`${STATIC}/widget`), gzipBytes: 20_000 },
  { what: "npm module", files: ["dist/index.js"], gzipBytes: 3_000 },
  { what: "npm module's app, all in", files: scripts("dist/module"), gzipBytes: 20_000 },
];

function scripts(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".js")).map((name) => `${folder}/${name}`);
}

function row(what: string, gzip: string, brotli: string, budget: string, verdict: string): void {
  console.log(`${what.padEnd(52)} ${gzip.padStart(8)} ${brotli.padStart(8)} ${budget.padStart(8)}  ${verdict}`.trimEnd());
}

row("bytes", "gzip", "brotli", "budget", "");
for (const { what, files, gzipBytes } of budgets) {
  const sizes = files.map((file) => {
    const content = readFileSync(join(ROOT, file));
    return { file, gzip: gzipSync(content, { level: 9 }).length, brotli: brotliCompressSync(content).length };
  });
  for (const { file, gzip, brotli } of sizes) row(`  ${file}`, `${gzip}`, `${brotli}`, "", "");
  const gzip = sizes.reduce((sum, size) => sum + size.gzip, 0);
  const brotli = sizes.reduce((sum, size) => sum + size.brotli, 0);
  const isWithin = files.length > 0 && gzip <= gzipBytes;
  row(what, `${gzip}`, `${brotli}`, `${gzipBytes}`, isWithin ? "" : files.length > 0 ? `ABOVE by ${gzip - gzipBytes}` : "MISSING");
  if (!isWithin) process.exitCode = 1;
}
