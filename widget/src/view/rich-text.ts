/** Draws a Markdown tree. Blocks that did not change since the last drawing keep their elements. */

import type { Inline } from "../inline.ts";
import { type Block, parseMarkdown } from "../markdown.ts";
import { element } from "./dom.ts";

export class RichText {
  readonly root = element("div", { class: "rich" });
  #drawn: string[] = [];

  draw(source: string): void {
    const blocks = parseMarkdown(source);
    const wanted = blocks.map((block) => JSON.stringify(block));
    let same = 0;
    while (same < wanted.length && wanted[same] === this.#drawn[same]) same++;
    while (this.root.childNodes.length > same) this.root.lastChild?.remove();
    this.root.append(...blocks.slice(same).map((block) => drawBlock(block)));
    this.#drawn = wanted;
  }
}

function drawBlock(block: Block): HTMLElement {
  switch (block.type) {
    case "paragraph":
      return element("p", { dir: "auto" }, ...drawInlines(block.children));
    case "heading":
      return element("p", { dir: "auto", class: "heading" }, ...drawInlines(block.children));
    case "code":
      return element("pre", { dir: "ltr", tabindex: "0" }, element("code", {}, block.text));
    case "list":
      return drawList(block);
  }
}

function drawList(list: Extract<Block, { type: "list" }>): HTMLElement {
  const items = list.items.map((blocks) => element("li", {}, ...blocks.flatMap((block) => drawItem(block))));
  if (list.start === undefined) return element("ul", { dir: "auto" }, ...items);
  return element("ol", { dir: "auto", start: String(list.start) }, ...items);
}

/** Paragraphs of an item stand in it directly, so that its words decide the direction of the whole list. */
function drawItem(block: Block): Node[] {
  if (block.type !== "paragraph") return [drawBlock(block)];
  return [element("div", { class: "line" }, ...drawInlines(block.children))];
}

function drawInlines(nodes: readonly Inline[]): Node[] {
  return nodes.map((node) => drawInline(node));
}

function drawInline(node: Inline): Node {
  switch (node.type) {
    case "text":
      return document.createTextNode(node.text);
    case "break":
      return element("br");
    case "code":
      return element("code", { dir: "ltr" }, node.text);
    case "strong":
    case "em":
      return element(node.type, {}, ...drawInlines(node.children));
    case "link":
      return drawLink(node.href, ...drawInlines(node.children));
  }
}

export function drawLink(href: string, ...children: Node[]): HTMLAnchorElement {
  const rel = "noopener noreferrer nofollow ugc";
  return element("a", { href, rel, target: "_blank", title: href }, ...children);
}
