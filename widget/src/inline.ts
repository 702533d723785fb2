/** What stands inside a paragraph: emphasis, code and links. Every search is bounded, whatever the text. */

export type Inline =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "break" }
  | { readonly type: "code"; readonly text: string }
  | { readonly type: "strong" | "em"; readonly children: readonly Inline[] }
  | { readonly type: "link"; readonly href: string; readonly children: readonly Inline[] }
  | { readonly type: "image"; readonly src: string; readonly alt: string };

interface Taken {
  readonly node: Inline;
  readonly next: number;
}

const MAX_DEPTH = 6;
const MAX_LINK_LENGTH = 2_000;
const SPECIAL = /[\\`*_![<\n]|https?:\/\//g;
const BARE_URL = /https?:\/\/[^\s<>"'`\])]+/y;
const BARE_URL_TAIL = /[.,;:!?*_]+$/;
const LINK_TARGET = /\(\s*<?([^\s<>()]+(?:\([^\s<>()]*\))?[^\s<>()]*)>?(?:\s+"[^"\n]*")?\s*\)/y;
const AUTO_LINK = /<([^\s<>]+)>/y;
const WORD = /[\p{L}\p{N}]/u;

export function parseInline(source: string, depth = 0): Inline[] {
  const nodes: Inline[] = [];
  const unclosed = new Set<string>();
  let text = "";
  let at = 0;
  while (at < source.length) {
    SPECIAL.lastIndex = at;
    const special = SPECIAL.exec(source)?.index ?? source.length;
    text += source.slice(at, special);
    const taken = takeSpecial(source, special, depth, unclosed);
    at = taken ? taken.next : special + 1;
    if (!taken) text += source.charAt(special);
    else if (taken.node.type === "text") text += taken.node.text;
    else {
      if (text) nodes.push({ type: "text", text });
      text = "";
      nodes.push(taken.node);
    }
  }
  if (text) nodes.push({ type: "text", text });
  return nodes;
}

/** An absolute http, https or mailto address, or nothing. A user name in it is how one host poses as another. */
export function safeHref(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  const isSafe = ["http:", "https:", "mailto:"].includes(url.protocol) && url.username === "" && url.password === "";
  return isSafe ? url.href : undefined;
}

function takeSpecial(source: string, at: number, depth: number, unclosed: Set<string>): Taken | undefined {
  switch (source[at]) {
    case "\\":
      return takeEscape(source, at);
    case "\n":
      return { node: { type: "break" }, next: at + 1 };
    case "`":
      return takeCode(source, at, unclosed);
    case "*":
    case "_":
      return depth < MAX_DEPTH ? takeEmphasis(source, at, depth, unclosed) : undefined;
    case "!":
      return source[at + 1] === "[" ? takeImage(source, at + 1) : undefined;
    case "[":
      return takeLink(source, at, depth);
    case "<":
      return takeAutoLink(source, at);
    case "h":
      return takeBareUrl(source, at);
    default:
      return undefined;
  }
}

function takeEscape(source: string, at: number): Taken | undefined {
  const escaped = source.charAt(at + 1);
  return /[\\`*_{}[\]()#+\-.!<>~|"]/.test(escaped) ? { node: { type: "text", text: escaped }, next: at + 2 } : undefined;
}

function takeCode(source: string, at: number, unclosed: Set<string>): Taken {
  let start = at;
  while (source[start] === "`") start++;
  const fence = source.slice(at, start);
  const end = unclosed.has(fence) ? -1 : source.indexOf(fence, start);
  if (end < 0) {
    unclosed.add(fence);
    return { node: { type: "text", text: fence }, next: start };
  }
  const code = source.slice(start, end).replaceAll("\n", " ");
  const isPadded = /^ .*[^ ].* $/.test(code);
  return { node: { type: "code", text: isPadded ? code.slice(1, -1) : code }, next: end + fence.length };
}

function takeEmphasis(source: string, at: number, depth: number, unclosed: Set<string>): Taken | undefined {
  const sign = source.charAt(at);
  const mark = source[at + 1] === sign ? sign + sign : sign;
  const start = at + mark.length;
  if (unclosed.has(mark) || !/\S/.test(source.charAt(start))) return undefined;
  if (sign === "_" && WORD.test(source.charAt(at - 1))) return undefined;
  const end = findClosing(source, mark, start + 1);
  if (end < 0) {
    unclosed.add(mark);
    return undefined;
  }
  const children = parseInline(source.slice(start, end), depth + 1);
  return { node: { type: mark.length === 2 ? "strong" : "em", children }, next: end + mark.length };
}

function findClosing(source: string, mark: string, from: number): number {
  const sign = mark.charAt(0);
  for (let at = source.indexOf(mark, from); at >= 0; at = source.indexOf(mark, at + 1)) {
    const before = source.charAt(at - 1);
    const after = source.charAt(at + mark.length);
    if (/\s/.test(before) || after === sign || (sign === "_" && WORD.test(after))) continue;
    if (mark.length === 1 && before === sign) continue;
    return at;
  }
  return -1;
}

/** Whether a picture is shown is for those who draw it to say; here one without a safe address is its caption. */
function takeImage(source: string, at: number): Taken | undefined {
  const parts = linkParts(source, at);
  if (!parts) return undefined;
  const src = safeHref(parts.target);
  if (!src || src.startsWith("mailto:")) return { node: { type: "text", text: parts.label }, next: parts.next };
  return { node: { type: "image", src, alt: parts.label }, next: parts.next };
}

function takeLink(source: string, at: number, depth: number): Taken | undefined {
  const parts = linkParts(source, at);
  const href = parts && safeHref(parts.target);
  if (!parts || href === undefined) return undefined;
  const children = depth < MAX_DEPTH ? withoutLinks(parseInline(parts.label, depth + 1)) : [];
  return {
    node: { type: "link", href, children: children.length ? children : [{ type: "text", text: href }] },
    next: parts.next,
  };
}

function linkParts(source: string, at: number): { label: string; target: string; next: number } | undefined {
  let open = 0;
  const limit = Math.min(source.length, at + MAX_LINK_LENGTH);
  for (let end = at; end < limit; end++) {
    if (source[end] === "\\") end++;
    else if (source[end] === "[") open++;
    else if (source[end] === "]" && --open === 0) {
      LINK_TARGET.lastIndex = end + 1;
      const target = LINK_TARGET.exec(source);
      return target?.[1] ? { label: source.slice(at + 1, end), target: target[1], next: LINK_TARGET.lastIndex } : undefined;
    }
  }
  return undefined;
}

function withoutLinks(nodes: readonly Inline[]): Inline[] {
  return nodes.flatMap((node): Inline[] => {
    if (node.type === "image") return node.alt ? [{ type: "text", text: node.alt }] : [];
    return node.type === "link" ? withoutLinks(node.children) : [node];
  });
}

function takeAutoLink(source: string, at: number): Taken | undefined {
  AUTO_LINK.lastIndex = at;
  const address = AUTO_LINK.exec(source)?.[1];
  const isMail = address !== undefined && /^[^\s@:/]+@[^\s@:/]+$/.test(address);
  const href = address && safeHref(isMail ? `mailto:${address}` : address);
  if (!address || !href) return undefined;
  return { node: { type: "link", href, children: [{ type: "text", text: address }] }, next: at + address.length + 2 };
}

function takeBareUrl(source: string, at: number): Taken | undefined {
  if (WORD.test(source.charAt(at - 1))) return undefined;
  BARE_URL.lastIndex = at;
  const address = BARE_URL.exec(source)?.[0].replace(BARE_URL_TAIL, "");
  const href = address && safeHref(address);
  if (!address || !href) return undefined;
  return { node: { type: "link", href, children: [{ type: "text", text: address }] }, next: at + address.length };
}
