/** A drawing of one path, for the eyes only; attributes of an element of any kind. */

export function drawing(className: string, d: string): SVGElement {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag)) as [SVGElement, SVGElement];
  svg.append(describe(path, { d }));
  return describe(svg, { viewBox: "0 0 24 24", class: className, "aria-hidden": "true" });
}

export function describe<E extends Element>(made: E, attributes: Readonly<Record<string, string>>): E {
  for (const name in attributes) made.setAttribute(name, attributes[name] as string);
  return made;
}
