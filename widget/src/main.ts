/** The loader: what the script does when a page loads it, and what it leaves for the page, `window.csai`. */

import { mount } from "./loader/mount.ts";
import { loadApp, type Pin, SAYS } from "./loader/script.ts";

const script = (document.currentScript ?? document.querySelector("script[data-api-key]")) as HTMLScriptElement | null;
const { apiKey, apiUrl, ...more } = script?.dataset ?? {};
const pin: Pin = __PIN__;

// an older loader, already on the page, wants only to know which app this one pins
if (script?.dispatchEvent(new CustomEvent(SAYS, { detail: pin, cancelable: true }))) {
  if (apiKey) {
    const base = script.src || `${apiUrl}/`;
    mount({ ...more, apiKey, apiUrl: apiUrl || new URL(base).origin }, () => loadApp(base, pin, script));
  } else console.error("csai: data-api-key is missing");
}
