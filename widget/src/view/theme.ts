/** Hands the brand's colour to the style sheet, with the colours that can be read on it and beside it. */

import { mix, parseHex, readableOn, type Rgb, textOn, toHex } from "../color.ts";

const DEFAULT: Rgb = [52, 81, 209];
const LIGHT_SURFACE: Rgb = [255, 255, 255];
const DARK_SURFACE: Rgb = [28, 29, 34];

export function applyAccent(root: HTMLElement, color: string | undefined): void {
  const accent = resolve(color) ?? DEFAULT;
  const variables = {
    "--accent": accent,
    "--accent-deep": mix(accent, [0, 0, 0], 0.14),
    "--on-accent": textOn(accent),
    "--accent-on-light": readableOn(LIGHT_SURFACE, accent),
    "--accent-on-dark": readableOn(DARK_SURFACE, accent),
  };
  for (const [name, value] of Object.entries(variables)) root.style.setProperty(name, toHex(value));
}

/** A canvas rewrites any opaque sRGB colour, by name or function, as `#rrggbb`. */
function resolve(color: string | undefined): Rgb | undefined {
  if (color === undefined || !CSS.supports("color", color)) return undefined;
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return parseHex(color);
  pen.fillStyle = color;
  return parseHex(String(pen.fillStyle));
}
