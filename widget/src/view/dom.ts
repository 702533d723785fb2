/** Elements built by hand: there is no markup anywhere for text to become part of. */

import { describe, drawing } from "./svg.ts";

type Child = Node | string | undefined;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = describe(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

export function button(label: string, className: string, ...children: Child[]): HTMLButtonElement {
  return element("button", { type: "button", class: className, "aria-label": label, title: label }, ...children);
}

const ICONS = {
  down: "m6 9.5 6 6 6-6",
  close: "m6.5 6.5 11 11m0-11-11 11",
  send: "M12 19V5.5m-6 6 6-6 6 6",
  stop: "M7 7h10v10H7Z",
  more: "M5 12h.1m6.9 0h.1m6.9 0h.1",
  check: "m6 12.5 4 4 8-9",
  alert: "M12 7.5V13m0 3.2v.1m0-12.8a8.5 8.5 0 1 0 .1 0Z",
  spark: "M12 3.5c.7 4.6 2.9 7 8 8.5-5.1 1.5-7.3 3.9-8 8.5-.7-4.6-2.9-7-8-8.5 5.1-1.5 7.3-3.9 8-8.5Z",
  thumb: "M7 11v9H4v-9Zm0 0 4-8c2 0 2.5 1.5 2 3l-1 3.5h6c1.5 0 2.2 1 2 2.3l-1.2 6c-.2 1.4-1 2.2-2.3 2.2H7",
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGElement {
  return drawing(`icon ${name}`, ICONS[name]);
}
