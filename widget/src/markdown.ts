/** The part of Markdown that answers use, read into a small tree. What is not understood stays text. */

import { parseInline, type Inline } from "./inline.ts";

export type Block =
  | { readonly type: "paragraph" | "heading"; readonly children: readonly Inline[] }
  | { readonly type: "code"; readonly text: string }
  | { readonly type: "table"; readonly rows: readonly (readonly (readonly Inline[])[])[] }
  | { readonly type: "list"; readonly start: number | undefined; readonly items: readonly (readonly Block[])[] };

const MAX_DEPTH = 6;
const FENCE = /^\s*(```+|~~~+)/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const RULE = /^[\s|:-]*\|[\s|:-]*$/;
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])[ \t]+(.*)$/;

export function parseMarkdown(source: string): Block[] {
  return parseBlocks(source.replace(/\r\n?/g, "\n").replaceAll("\t", "    ").split("\n"), 0);
}

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    if (paragraph.length > 0) blocks.push({ type: "paragraph", children: parseInline(paragraph.join("\n")) });
    paragraph = [];
  };
  let at = 0;
  while (at < lines.length) {
    const taken = parseBlock(lines, at, depth);
    if (taken) {
      endParagraph();
      blocks.push(taken.block);
      at = taken.next;
      continue;
    }
    const line = (lines[at++] ?? "").trim();
    if (line === "") endParagraph();
    else paragraph.push(line);
  }
  endParagraph();
  return blocks;
}

interface Taken<T> {
  readonly block: T;
  readonly next: number;
}

function parseBlock(lines: readonly string[], at: number, depth: number): Taken<Block> | undefined {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line)?.[1];
  if (fence !== undefined) return takeCode(lines, at, fence);
  const heading = HEADING.exec(line)?.[1];
  if (heading !== undefined) return { block: { type: "heading", children: parseInline(heading) }, next: at + 1 };
  if (line.includes("|") && RULE.test(lines[at + 1] ?? "")) return takeTable(lines, at);
  return depth < MAX_DEPTH && ITEM.test(line) ? takeList(lines, at, depth) : undefined;
}

/** A fence that is not closed yet, as while an answer streams, holds everything to the end. */
function takeCode(lines: readonly string[], at: number, fence: string): Taken<Block> {
  let end = at + 1;
  while (end < lines.length && !(lines[end] ?? "").trim().startsWith(fence)) end++;
  return { block: { type: "code", text: lines.slice(at + 1, end).join("\n") }, next: end + 1 };
}

function takeTable(lines: readonly string[], from: number): Taken<Block> {
  let end = from + 2;
  while (lines[end]?.includes("|")) end++;
  const rows = lines.slice(from, end).map((line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/));
  rows.splice(1, 1); // the rule
  return { block: { type: "table", rows: rows.map((cells) => cells.map((cell) => parseInline(cell.trim()))) }, next: end };
}

function takeList(lines: readonly string[], from: number, depth: number): Taken<Block> {
  const [, indent = "", marker = ""] = ITEM.exec(lines[from] ?? "") ?? [];
  const ordered = /\d/.test(marker);
  const items: Block[][] = [];
  let at = from;
  while (at < lines.length) {
    const match = ITEM.exec(lines[at] ?? "");
    if (!match || (match[1] ?? "").length !== indent.length || /\d/.test(match[2] ?? "") !== ordered) break;
    const end = itemEnd(lines, at + 1, indent.length);
    const body = [match[3] ?? "", ...lines.slice(at + 1, end).map((line) => line.slice(indent.length + 2))];
    items.push(parseBlocks(body, depth + 1));
    at = end;
  }
  return { block: { type: "list", start: ordered ? parseInt(marker, 10) : undefined, items }, next: at };
}

/** Lines indented further than the item's marker belong to it; blank lines do when such a line or an item follows. */
function itemEnd(lines: readonly string[], from: number, indent: number): number {
  let end = from;
  for (let at = from; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line.trim() === "") continue;
    const width = line.length - line.trimStart().length;
    if (width > indent) end = at + 1;
    else return width === indent && ITEM.test(line) ? at : end;
  }
  return end;
}
