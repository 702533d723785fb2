/** Colours of the brand, made readable. Channels run from 0 to 255. */

export type Rgb = readonly [number, number, number];

const HEX = /^#(?:([\da-f])([\da-f])([\da-f])|([\da-f]{2})([\da-f]{2})([\da-f]{2}))$/i;
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const READABLE = 4.5;

export function parseHex(text: string): Rgb | undefined {
  const match = HEX.exec(text.trim());
  if (!match) return undefined;
  const pairs = match[1] === undefined ? match.slice(4, 7) : match.slice(1, 4).map((digit) => digit + digit);
  const [red = 0, green = 0, blue = 0] = pairs.map((pair) => Number.parseInt(pair, 16));
  return [red, green, blue];
}

export function toHex(color: Rgb): string {
  return `#${color.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}`;
}

/** WCAG 2 contrast ratio, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** White where it can be read on the colour, else black: one of the two always reaches 4.5. */
export function textOn(background: Rgb): Rgb {
  return contrast(WHITE, background) >= READABLE || contrast(WHITE, background) > contrast(BLACK, background)
    ? WHITE
    : BLACK;
}

/** The colour itself, or as little as needed lightened or darkened to be read as text on the background. */
export function readableOn(background: Rgb, color: Rgb): Rgb {
  const toward = luminance(background) > 0.4 ? BLACK : WHITE;
  for (let step = 0; step < 20; step++) {
    const mixed = mix(color, toward, step / 20);
    if (contrast(mixed, background) >= READABLE) return mixed;
  }
  return toward;
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const channel = (index: 0 | 1 | 2): number => from[index] + (to[index] - from[index]) * share;
  return [channel(0), channel(1), channel(2)];
}

function luminance([red, green, blue]: Rgb): number {
  const linear = (channel: number): number => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
