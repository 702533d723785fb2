/** Draws a Markdown tree. Blocks that did not change since the last drawing keep their elements. */

import type { Direction } from "../direction.ts";
import { type AllowedHosts, isFrom } from "../hosts.ts";
import type { Inline } from "../inline.ts";
import { type Block, parseMarkdown } from "../markdown.ts";
import { direct } from "./direct.ts";
import { element } from "./dom.ts";

export class RichText {
  readonly root = element("div", { class: "rich" });
  /** Which way it is likely to run, before its own words tell. */
  expected: Direction | undefined;
  readonly #hosts: AllowedHosts;
  #drawn: string[] = [];
  readonly #directions: (Direction | undefined)[] = [];

  constructor(hosts: AllowedHosts) {
    this.#hosts = hosts;
  }

  /** `isComing`: more will follow, so that what its last block says by now may mislead. */
  draw(source: string, isComing = false): void {
    const blocks = parseMarkdown(source);
    const wanted = blocks.map((block) => JSON.stringify(block));
    let same = 0;
    while (same < wanted.length && wanted[same] === this.#drawn[same]) same++;
    while (this.root.childNodes.length > same) this.root.lastChild?.remove();
    this.root.append(...blocks.slice(same).map((block) => drawBlock(block, this.#hosts)));
    this.#drawn = wanted;
    this.#direct(isComing);
  }

  /** Only the last block can still change; once all is there each is looked at once more. */
  #direct(isComing: boolean): void {
    const blocks = [...this.root.children] as HTMLElement[];
    this.#directions.length = Math.min(this.#directions.length, blocks.length);
    for (let at = isComing ? Math.max(0, this.#directions.length - 1) : 0; at < blocks.length; at++) {
      const expected = isComing && this.#directions[at] ? this.#directions[at] : (this.#directions[at - 1] ?? this.expected);
      this.#directions[at] = direct(blocks[at] as HTMLElement, expected, isComing && at === blocks.length - 1);
    }
  }
}

function drawBlock(block: Block, hosts: AllowedHosts): HTMLElement {
  switch (block.type) {
    case "paragraph":
      return element("p", { dir: "auto" }, ...drawInlines(block.children, hosts));
    case "heading":
      return element("p", { dir: "auto", class: "heading" }, ...drawInlines(block.children, hosts));
    case "code":
      return element("pre", { dir: "ltr", tabindex: "0" }, element("code", {}, block.text));
    case "table":
      return drawTable(block, hosts);
    case "list":
      return drawList(block, hosts);
  }
}

function drawTable({ rows }: Extract<Block, { type: "table" }>, hosts: AllowedHosts): HTMLElement {
  const drawn = rows.map((cells, at) => element("tr", {}, ...cells.map((cell) => element(at ? "td" : "th", {}, ...drawInlines(cell, hosts)))));
  return element("div", { class: "table", tabindex: "0", dir: "auto" }, element("table", {}, ...drawn));
}

function drawList(list: Extract<Block, { type: "list" }>, hosts: AllowedHosts): HTMLElement {
  const items = list.items.map((blocks) => element("li", {}, ...blocks.flatMap((block) => drawItem(block, hosts))));
  if (list.start === undefined) return element("ul", { dir: "auto" }, ...items);
  return element("ol", { dir: "auto", start: String(list.start) }, ...items);
}

/** Paragraphs of an item stand in it directly, so that its words decide the direction of the whole list. */
function drawItem(block: Block, hosts: AllowedHosts): Node[] {
  if (block.type !== "paragraph") return [drawBlock(block, hosts)];
  return [element("div", { class: "line" }, ...drawInlines(block.children, hosts))];
}

function drawInlines(nodes: readonly Inline[], hosts: AllowedHosts): Node[] {
  return nodes.map((node) => drawInline(node, hosts));
}

function drawInline(node: Inline, hosts: AllowedHosts): Node {
  switch (node.type) {
    case "text":
      return document.createTextNode(node.text);
    case "break":
      return element("br");
    case "code":
      return element("code", { dir: "ltr" }, node.text);
    case "strong":
    case "em":
      return element(node.type, {}, ...drawInlines(node.children, hosts));
    case "link":
      return drawLink(hosts, node.href, ...drawInlines(node.children, hosts));
    case "image":
      return drawImage(hosts, node.src, node.alt);
  }
}

/** Where a link may not lead, its words stay, and where it would have led is said. */
export function drawLink(hosts: AllowedHosts, href: string, ...children: Node[]): HTMLElement {
  if (hosts.links && !isFrom(hosts.links, href)) {
    const words = element("span", {}, ...children);
    if (words.textContent !== href) words.append(` (${href})`);
    return words;
  }
  const rel = "noopener noreferrer nofollow ugc";
  return element("a", { href, rel, target: "_blank", title: href }, ...children);
}

/** A picture from elsewhere, or one that does not load, is a link to it. */
function drawImage(hosts: AllowedHosts, src: string, alt: string): HTMLElement {
  const link = (): HTMLElement => drawLink(hosts, src, document.createTextNode(alt || src));
  if (!isFrom(hosts.images, src)) return link();
  const image = element("img", { alt, referrerpolicy: "no-referrer", loading: "lazy" });
  image.onerror = () => image.replaceWith(link());
  image.src = src;
  return image;
}
