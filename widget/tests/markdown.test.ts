import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { type Inline, parseInline, safeHref } from "../src/inline.ts";
import { type Block, parseMarkdown } from "../src/markdown.ts";

/** A short way to write a tree down. */
function inlines(nodes: readonly Inline[]): string {
  return nodes.map((node) => {
    if (node.type === "text") return node.text;
    if (node.type === "break") return "⏎";
    if (node.type === "code") return `code(${node.text})`;
    if (node.type === "link") return `link(${node.href} ${inlines(node.children)})`;
    if (node.type === "image") return `image(${node.src} ${node.alt})`;
    return `${node.type}(${inlines(node.children)})`;
  }).join("");
}

function blocks(nodes: readonly Block[]): string {
  return nodes.map((node) => {
    if (node.type === "code") return `code[${node.text}]`;
    if (node.type === "list") return `list${node.start ?? ""}[${node.items.map((item) => blocks(item)).join(" | ")}]`;
    if (node.type === "table") return `table[${node.rows.map((cells) => cells.map(inlines).join(" ; ")).join(" | ")}]`;
    return `${node.type === "heading" ? "h" : "p"}[${inlines(node.children)}]`;
  }).join(" ");
}

const inlineCases: [string, string][] = [
  ["plain", "plain"],
  ["**bold** and *it* and _it_ and __b__", "strong(bold) and em(it) and em(it) and strong(b)"],
  ["***both***", "strong(em(both))"],
  ["**a *b* c**", "strong(a em(b) c)"],
  ["snake_case_name stays", "snake_case_name stays"],
  ["2 * 3 * 4", "2 * 3 * 4"],
  ["an *open end", "an *open end"],
  ["`**not bold**`", "code(**not bold**)"],
  ["an `open end", "an `open end"],
  ["\\*no\\*", "*no*"],
  ["one\ntwo", "one⏎two"],
  ["[our page](https://shop.example/a_(b)?x=1&y=2)", "link(https://shop.example/a_(b)?x=1&y=2 our page)"],
  ["see https://shop.example/a_b, ok?", "see link(https://shop.example/a_b https://shop.example/a_b), ok?"],
  ["**https://shop.example/**", "strong(link(https://shop.example/ https://shop.example/))"],
  ["<me@shop.example>", "link(mailto:me@shop.example me@shop.example)"],
  ["[mail](mailto:me@shop.example)", "link(mailto:me@shop.example mail)"],
  ["![secret](https://evil.example/?q=words)", "image(https://evil.example/?q=words secret)"],
  ["![secret](javascript:alert(1))", "secret"],
  ["![secret](data:image/svg+xml,x)", "secret"],
  ["![secret](mailto:me@shop.example)", "secret"],
  ["[![x](https://evil.example/i.png)](https://shop.example/)", "link(https://shop.example/ x)"],
  ["[x](javascript:alert(1))", "[x](javascript:alert(1))"],
  ["[x](/relative)", "[x](/relative)"],
  ["**שלום** עולם", "strong(שלום) עולם"],
];

for (const [source, expected] of inlineCases) {
  test(`inline: ${source.replace("\n", "⏎")}`, () => assert.equal(inlines(parseInline(source)), expected));
}

const blockCases: [string, string][] = [
  ["one\n\ntwo\nlines", "p[one] p[two⏎lines]"],
  ["# Title #\ntext", "h[Title] p[text]"],
  ["- a\n- b\n\n- c\n\nend", "list[p[a] | p[b] | p[c]] p[end]"],
  ["3. a\n4) b", "list3[p[a] | p[b]]"],
  ["- a\n  - b\n  - c\n- d", "list[p[a] list[p[b] | p[c]] | p[d]]"],
  ["1. a\n   more\n\n   still\n2. b", "list1[p[a⏎more] p[still] | p[b]]"],
  ["```js\nlet a = '<b>';\n\n- x\n```\nend", "code[let a = '<b>';\n\n- x] p[end]"],
  ["```\nstill streaming", "code[still streaming]"],
  ["text\r\n* item", "p[text] list[p[item]]"],
  ["Prices:\n| Tea | **Price** |\n|:---|---:|\n| Green | 4 \\| 5 |\n| Black |\nend", "p[Prices:] table[Tea ; strong(Price) | Green ; 4 | 5 | Black] p[end]"],
  ["a | b\n--- | ---\nc | d", "table[a ; b | c ; d]"],
  ["a | b\n---", "p[a | b⏎---]"],
  ["| only a row |", "p[| only a row |]"],
  ["-not a list", "p[-not a list]"],
  ["", ""],
];

for (const [source, expected] of blockCases) {
  test(`blocks: ${JSON.stringify(source)}`, () => assert.equal(blocks(parseMarkdown(source)), expected));
}

test("only http, https and mailto addresses become links, and none that hides its host", () => {
  for (const address of [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "//evil.example", "/a", "https://bank.example@evil.example/", "",
  ]) assert.equal(safeHref(address), undefined, address);
  assert.equal(safeHref("HTTPS://Shop.Example"), "https://shop.example/");
});

test("hostile text is read in reasonable time", () => {
  const sizes = ["*", "**a ", "_a", "[", "![", "`", "` `` ", "[a](", "<", "> ", "- ", "\\", "https://", "1. \n", " - a\n", "**a*b"];
  for (const unit of sizes) {
    const started = process.cpuUsage(); // what others do on the machine is no slowness of ours
    parseMarkdown(unit.repeat(16_000 / unit.length));
    const spentMs = process.cpuUsage(started).user / 1_000;
    assert.ok(spentMs < 3_000, `${JSON.stringify(unit)} took ${spentMs} ms`);
  }
});

const vectors = new URL("../../../shared/vectors/xss/", import.meta.url);

test("attack strings yield no link but to the web or a mailbox", { skip: !existsSync(vectors) && "no shared vectors here" }, () => {
  const lines = readdirSync(vectors).flatMap((name) => readFileSync(new URL(name, vectors), "utf8").split("\n"));
  assert.ok(lines.length > 50);
  for (const line of lines) {
    for (const source of [line, `[x](${line})`, `<${line}>`, `**${line}**`]) {
      for (const [, href] of JSON.stringify(parseMarkdown(source)).matchAll(/"href":"([^"]*)"/g)) {
        assert.match(href ?? "", /^(https?|mailto):/);
      }
    }
  }
});
