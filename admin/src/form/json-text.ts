/** JSON as somebody writes it, with where it stops being that: browsers do not all say, nor always. */

import type { Json } from "../api/types.ts";

/** From 1. */
export interface SyntaxFault {
  readonly line: number;
  readonly column: number;
}

export interface Parsed {
  readonly value?: Json;
  readonly fault?: SyntaxFault;
}

export function parsedJson(text: string): Parsed {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    const before = text.slice(0, endOfJson(text)).split("\n");
    return { fault: { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } };
  }
}

const SPACE = /[\t\n\r ]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;
const SCALAR = new RegExp(`${STRING.source}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null`, "uy");

/** How far the text is JSON. */
function endOfJson(text: string): number {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const isThere = pattern.test(text);
    if (isThere) at = pattern.lastIndex;
    return isThere;
  };
  const spaced = (pattern: RegExp): boolean => take(SPACE) && take(pattern) && take(SPACE);
  const items = (end: RegExp, item: () => boolean): boolean => {
    if (spaced(end)) return true;
    while (item()) {
      if (spaced(end)) return true;
      if (!spaced(/,/y)) return false;
    }
    return false;
  };
  const value = (): boolean => (spaced(/\{/y) ? items(/\}/y, pair) : spaced(/\[/y) ? items(/\]/y, value) : spaced(SCALAR));
  const pair = (): boolean => spaced(STRING) && spaced(/:/y) && value();
  value();
  return at;
}

/** JSON as it is read best; what is none, as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
