/** Elements built by hand: there is no markup anywhere for text to become part of. */

type Child = Node | string | undefined;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

export function button(label: string, className: string, ...children: Child[]): HTMLButtonElement {
  return element("button", { type: "button", class: className, "aria-label": label, title: label }, ...children);
}

const ICONS = {
  chat: "M12 3.5c-5 0-9 3.4-9 7.7 0 2.4 1.3 4.6 3.3 6 .1 1-.3 2.2-1.1 3.1-.2.3 0 .7.4.7 1.8-.1 3.4-.8 4.6-1.8.6.1 1.2.1 1.8.1 5 0 9-3.5 9-8s-4-7.8-9-7.8Z",
  down: "m6 9.5 6 6 6-6",
  close: "m6.5 6.5 11 11m0-11-11 11",
  send: "M12 19V5.5m-6 6 6-6 6 6",
  stop: "M8 7h8a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1Z",
  restart: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 4v4h-4",
  check: "m6 12.5 4 4 8-9",
  alert: "M12 7.5v5.5m0 3.2v.1M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z",
  spark: "M12 3.5c.7 4.6 2.9 7 8 8.5-5.1 1.5-7.3 3.9-8 8.5-.7-4.6-2.9-7-8-8.5 5.1-1.5 7.3-3.9 8-8.5Z",
  link: "M9.5 14.5l5-5M11 6.5l1.5-1.5a4 4 0 0 1 6 6L17 12.5M13 17.5 11.5 19a4 4 0 0 1-6-6L7 11.5",
} as const;

export type IconName = keyof typeof ICONS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
