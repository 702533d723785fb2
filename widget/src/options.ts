/** What a page may say about the widget, as attributes of the script or as an object. */

import type { AllowedHosts } from "./hosts.ts";
import type { Branding } from "./wire.ts";

export interface WidgetOptions {
  /** The publishable key, `pk_...`. */
  readonly apiKey: string;
  /** Where the server is; for the script tag by default where the script came from. */
  readonly apiUrl: string;
  readonly position?: "bottom-right" | "bottom-left" | "top-right" | "top-left" | undefined;
  readonly theme?: "auto" | "light" | "dark" | undefined;
  /** Any CSS colour. */
  readonly primaryColor?: string | undefined;
  readonly title?: string | undefined;
  readonly greeting?: string | undefined;
  readonly lang?: string | undefined;
  /** Open as soon as the page is there. */
  readonly open?: boolean | undefined;
  /** Where answers may link to; by default anywhere. */
  readonly linkHosts?: readonly string[] | undefined;
  /** Where pictures in answers may come from; by default nowhere, and they are links. */
  readonly imageHosts?: readonly string[] | undefined;
  /** Who the visitor is, as in `identify()`. */
  readonly userToken?: string | undefined;
  readonly userIdentifier?: string | undefined;
  readonly userHash?: string | undefined;
}

/** As written in attributes, where everything is text. */
export type Given = Partial<Readonly<Record<keyof WidgetOptions, unknown>>> & Pick<WidgetOptions, "apiKey" | "apiUrl">;

/** What the app needs to know of it, the loader has seen to the rest: a text that is of no use is empty. */
export interface Wanted extends Record<(typeof TEXTS)[number], string> {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly open: boolean;
  readonly hosts: AllowedHosts;
}

const TEXTS = ["theme", "title", "greeting", "userToken", "userIdentifier", "userHash"] as const;

/** What the page says goes before what the server says. */
export function wanted(given: Given, branding: Branding): Wanted {
  const { apiKey, apiUrl, open = false, linkHosts, imageHosts } = given;
  const { link_hosts, image_hosts } = branding;
  const server: Partial<Record<string, string | readonly string[]>> = branding;
  const texts = TEXTS.map((name) => [name, typeof given[name] === "string" && given[name] ? given[name] : (server[name] ?? "")]);
  return {
    ...(Object.fromEntries(texts) as Record<(typeof TEXTS)[number], string>),
    apiKey,
    apiUrl,
    open: `${open}` !== "false",
    hosts: { links: wordsOf(linkHosts) ?? link_hosts, images: wordsOf(imageHosts) ?? image_hosts ?? [] },
  };
}

function wordsOf(value: unknown): string[] | undefined {
  if (Array.isArray(value)) return value.filter((word) => typeof word === "string");
  return typeof value === "string" ? value.split(/[\s,]+/).filter(Boolean) : undefined;
}
