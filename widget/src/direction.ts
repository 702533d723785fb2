/** Which way a text runs. By its dominant letters: the first one says little where languages are mixed. */

export type Direction = "ltr" | "rtl";

/** A piece of text; one that keeps its own left-to-right order wherever it stands. */
export interface Piece {
  readonly text: string;
  readonly isLtr: boolean;
}

interface Weight {
  readonly rtl: number;
  readonly all: number;
}

const RTL = "\\u0590-\\u08ff\\ufb1d-\\ufeff";
const RTL_LETTER = new RegExp(`[${RTL}]`);
const LTR_WORD = new RegExp(`[^\\P{L}${RTL}]+`, "gu");
const ADDRESS = /@|:\/\/|^www\./i;
const ASIDE = /\([^()]*\)|\[[^[\]]*\]|"[^"\n]*"|“[^“”\n]*”|«[^«»\n]*»|`[^`\n]*`/g;
/** Of a letter in a name: products and places are written alike in every language. */
const NAME_WEIGHT = 0.25;
/** While a text is still coming, fewer letters than this change nothing. */
const ENOUGH = 8;
const CLEAR = 0.65;

/**
 * Groups of digits with blanks between them, as of a telephone number; words of Latin letters with what follows them, such
 * as `iPhone 15`, codes and addresses; numbers with their signs, as of a currency.
 */
const LTR_RUN =
  /(?<![\p{L}\d])(?:[+(]{0,2}\d{2,4}\)?(?:[ -]\(?\d{2,4}\)?){2,5}(?![\p{L}\d])|(?:\d[\d._/#-]{0,40})?[a-z][!-~]*(?: [a-z\d][!-~]*)*|[#+\-−\p{Sc}]{0,2}\d+(?:[.,:/–-]\d+)*%?)/giu;
const RUN_END = /[^a-z\d%)/=+#]+$/i;

/** Undefined where nothing tells: digits, amounts, addresses and signs fit either way. */
export function dominantDirection(text: string): Direction | undefined {
  const { rtl, all } = weigh(text);
  if (all === 0) return undefined;
  return rtl * 2 >= all ? "rtl" : "ltr";
}

/** Whether there are only names, which a list may hold in any language. */
export function isNames(text: string): boolean {
  return !RTL_LETTER.test(text) && !(text.match(LTR_WORD) ?? []).some((word) => word === word.toLowerCase());
}

/** While a text is coming it stays as it was expected to run, until it clearly does not: else it would jump about. */
export function comingDirection(text: string, expected: Direction | undefined): Direction | undefined {
  if (expected === undefined) return dominantDirection(text);
  const { rtl, all } = weigh(text);
  const against = expected === "rtl" ? all - rtl : rtl;
  return all >= ENOUGH && against > all * CLEAR ? opposite(expected) : expected;
}

/** Whether the parts of a number could change places: only among left-to-right letters alone they cannot. */
export function isMixed(text: string, direction: Direction | undefined): boolean {
  return direction !== "ltr" || RTL_LETTER.test(text);
}

/** Numbers, names, codes and addresses apart from the text around them, which could turn their parts about. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(LTR_RUN)) {
    const run = withoutEnd(match[0]);
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), isLtr: false });
    pieces.push({ text: run, isLtr: true });
    at = match.index + run.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isLtr: false });
  return pieces;
}

/** Without the sentence's own signs, and a bracket that was opened before. */
function withoutEnd(run: string): string {
  const word = run.replace(RUN_END, "");
  return word.endsWith(")") && !word.includes("(") ? withoutEnd(word.slice(0, -1)) : word;
}

/** Lines that run the same way together, in order. */
export function linesByDirection(text: string): { readonly text: string; readonly direction: Direction | undefined }[] {
  const groups: { text: string; direction: Direction | undefined }[] = [];
  for (const line of text.split("\n")) {
    const direction = dominantDirection(line);
    const last = groups.at(-1);
    if (last && (direction === undefined || last.direction === undefined || direction === last.direction)) {
      last.text += `\n${line}`;
      last.direction ??= direction;
    } else groups.push({ text: line, direction });
  }
  return groups;
}

/** Without what is only quoted, unless there is nothing else. */
function weigh(text: string): Weight {
  const words = text.split(/\s+/).filter((word) => !ADDRESS.test(word)).join(" ");
  const own = count(words.replace(ASIDE, " "));
  return own.all > 0 ? own : count(words);
}

function count(text: string): Weight {
  let [letters, all] = [text.match(/\p{L}/gu)?.length ?? 0, 0];
  for (const [word] of text.matchAll(LTR_WORD)) {
    letters -= [...word].length;
    all += word.length * (word === word.toLowerCase() ? 1 : NAME_WEIGHT);
  }
  return { rtl: letters, all: letters + all };
}

function opposite(direction: Direction): Direction {
  return direction === "rtl" ? "ltr" : "rtl";
}
