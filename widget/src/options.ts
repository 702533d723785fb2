/** What a page may say about the widget, as attributes of the script or as an object. */

import type { Branding } from "./wire.ts";

export const POSITIONS = ["bottom-right", "bottom-left", "top-right", "top-left"] as const;
export const THEMES = ["auto", "light", "dark"] as const;

export interface WidgetOptions {
  /** The publishable key, `pk_...`. */
  readonly apiKey: string;
  /** Where the server is; by default where the script came from. */
  readonly apiUrl: string;
  readonly position?: (typeof POSITIONS)[number];
  readonly theme?: (typeof THEMES)[number];
  /** Any CSS colour. */
  readonly primaryColor?: string;
  readonly title?: string;
  readonly greeting?: string;
  readonly lang?: string;
  /** Open as soon as the page is there. */
  readonly open?: boolean;
}

export function optionsFrom(script: HTMLScriptElement): WidgetOptions | undefined {
  const { apiKey, apiUrl, primaryColor, title, greeting, lang, open, position, theme } = script.dataset;
  if (!apiKey) return undefined;
  return withoutUndefined({
    apiKey,
    apiUrl: apiUrl || new URL(script.src, document.baseURI).origin,
    position: oneOf(POSITIONS, position),
    theme: oneOf(THEMES, theme),
    primaryColor: primaryColor || undefined,
    title: title || undefined,
    greeting: greeting || undefined,
    lang: lang || undefined,
    open: open === undefined ? undefined : open !== "false",
  });
}

/** What the page says goes before what the server says. */
export function withBranding(options: WidgetOptions, branding: Branding = {}): WidgetOptions {
  const fromServer = withoutUndefined({
    position: oneOf(POSITIONS, branding.position),
    theme: oneOf(THEMES, branding.theme),
    primaryColor: branding.primary_color || undefined,
    title: branding.title || undefined,
    greeting: branding.greeting || undefined,
  });
  return { ...fromServer, ...options };
}

function oneOf<T extends string>(allowed: readonly T[], value: string | undefined): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutUndefined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}
