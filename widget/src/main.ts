/** What the script does when a page loads it, and what it leaves for the page: `window.csai`. */

import { Api, ApiError } from "./api.ts";
import { optionsFrom, type WidgetOptions, withBranding } from "./options.ts";
import { HOST_TAG, Widget } from "./widget.ts";
import type { Config } from "./wire.ts";

declare global {
  interface Window {
    csai?: Widget;
  }
}

const CONFIG_WAIT_MS = 2_500;

/** Puts the widget on the page. Where its key already has one, nothing happens. */
export async function mount(options: WidgetOptions): Promise<Widget | undefined> {
  const isThere = [...document.querySelectorAll<HTMLElement>(HOST_TAG)].some((host) => host.dataset.key === options.apiKey);
  if (isThere) return undefined;
  const host = document.createElement(HOST_TAG);
  host.dataset.key = options.apiKey;
  // beside the body: pages replace, transform and filter their bodies
  document.documentElement.append(host);
  const config = await loadConfig(options);
  if (!config) {
    host.remove();
    return undefined;
  }
  const widget = new Widget(host, withBranding(options, config.branding), config.client?.name);
  window.csai = widget;
  document.dispatchEvent(new CustomEvent("csai:ready"));
  return widget;
}

/** A server that is slow or down still gets a widget on the page, which then says so; one that refuses the key does not. */
async function loadConfig(options: WidgetOptions): Promise<Config | undefined> {
  try {
    return await new Api(options.apiUrl, options.apiKey).config(AbortSignal.timeout(CONFIG_WAIT_MS));
  } catch (error) {
    if (!(error instanceof ApiError) || ![401, 403].includes(error.status)) return {};
    console.error("csai: the chat is not shown, because its key is not valid for this site. Check data-api-key.");
    return undefined;
  }
}

const script = document.currentScript ?? document.querySelector("script[data-api-key][src*='widget.js']");
const options = script instanceof HTMLScriptElement ? optionsFrom(script) : undefined;
if (options) void mount(options);
else console.error("csai: the script needs data-api-key with the site's publishable key.");
