/** Gives drawn text its direction: block by block, and what is left-to-right within a block apart. */

import { comingDirection, type Direction, dominantDirection, isMixed, isNames, piecesOf } from "../direction.ts";
import { element } from "./dom.ts";

const BLOCKS = "[dir=auto], [data-runs], .line";
const MAX_WHOLE = 20;
const APART = "pre, code, bdi";

/**
 * Directs a block and the blocks in it. One whose letters do not tell runs as what it stands in, or as `expected`, which
 * for a block that is still coming also says what to assume. Returns the way the block itself runs.
 */
export function direct(block: HTMLElement, expected: Direction | undefined, isComing = false): Direction | undefined {
  if (block.localName === "pre") return expected;
  const direction = directOne(block, expected, isComing);
  const inner = [...block.querySelectorAll<HTMLElement>(BLOCKS)];
  for (const each of inner) {
    const around = each.parentElement?.closest<HTMLElement>("[data-runs]")?.dataset.runs;
    directOne(each, around === "rtl" || around === "ltr" ? around : direction, isComing);
  }
  if (isMixed(block.textContent, direction)) setApart(block);
  return direction;
}

/** Puts text into an element, directed as a block of its own. */
export function directed<T extends HTMLElement>(block: T, expected?: Direction): T {
  direct(block, expected);
  return block;
}

function directOne(block: HTMLElement, expected: Direction | undefined, isComing: boolean): Direction | undefined {
  const text = wordsOf(block);
  const isFree = expected !== undefined && block.matches("ul, ol") && isNames(text);
  const direction = isFree ? expected : (isComing ? comingDirection(text, expected) : dominantDirection(text)) ?? expected;
  if (direction === undefined) block.removeAttribute("dir");
  else if (block.dir !== direction) block.dir = direction;
  block.dataset.runs = direction ?? "";
  // for what reads it out; of letters that run the other way, the widget's own language is as good a guess as any
  const lang = /[א-ת]/.test(text) ? "he" : /[ء-ي]/.test(text) && "ar";
  if (direction === "rtl" && lang) block.lang = lang;
  else block.removeAttribute("lang");
  return direction;
}

/** What is code says nothing of the language around it. */
function wordsOf(node: Node): string {
  let words = "";
  for (const child of node.childNodes) {
    if (child instanceof Text) words += child.data;
    else if (child instanceof HTMLElement && !child.matches("pre, code")) words += wordsOf(child) + (child.matches("li, div, br, tr, td, th, p") ? "\n" : "");
  }
  return words;
}

function setLtr(text: string): HTMLElement {
  return element("bdi", text.length <= MAX_WHOLE ? { dir: "ltr", class: "whole" } : { dir: "ltr" }, text);
}

function setApart(block: HTMLElement): void {
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) if (!walker.currentNode.parentElement?.closest(APART)) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const pieces = piecesOf(text.data);
    if (pieces.some((piece) => piece.isLtr)) {
      text.replaceWith(...pieces.map((piece) => (piece.isLtr ? setLtr(piece.text) : piece.text)));
    }
  }
}
