/** Fetches the app as a script of a known hash: the browser runs it only if it is exactly the one this loader was built with. */

import type { StartApp } from "../app.ts";

/** Where the app is, seen from the loader, and what it has to hash to. */
export interface Pin {
  readonly file: string;
  readonly integrity: string;
}

interface Policy {
  createScriptURL(url: string): string;
}

declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: Policy): Policy };
    /** By folder, as a page's directive may allow each name only once. */
    csaiPolicies?: Record<string, Policy>;
  }
}

/** An event on a script's own element: an app says how to start it, a loader what it pins. */
export const SAYS = "csai:says";

const PATIENCE_MS = 20_000;

/** `base`: the address of the loader, and `loader` its element. */
export async function loadApp(base: string, pin: Pin, loader: HTMLScriptElement): Promise<StartApp> {
  const folder = new URL(".", base).href;
  const run = ({ file, integrity }: Pin): Promise<StartApp> => insert(loader, folder, folder + file, integrity);
  try {
    return await run(pin);
  } catch (error) {
    // a server that was upgraded since this page was loaded has another app, and a loader that knows it
    const now = await insert<Pin>(loader, folder, `${base}?${Date.now()}`, loader.integrity);
    if (now.file === pin.file) throw error;
    return run(now);
  }
}

/** Resolves with what the script says. */
function insert<T>({ nonce }: HTMLScriptElement, folder: string, url: string, integrity: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const fail = (): void => reject(Error(`csai: no ${url}`));
    script.addEventListener(SAYS, (event) => {
      event.preventDefault();
      resolve((event as CustomEvent<T>).detail);
    });
    script.onload = script.onerror = fail; // a script that has spoken is loaded after that
    setTimeout(fail, PATIENCE_MS);
    Object.assign(script, { crossOrigin: "", nonce, integrity, src: trusted(url, folder) });
    document.head.append(script);
  });
}

/** Trusted Types: the policy `csai` lets through addresses beside the loader, and no others. */
function trusted(url: string, folder: string): string {
  const { trustedTypes } = window;
  if (!trustedTypes) return url;
  const policies = (window.csaiPolicies ??= {});
  const policy = (policies[folder] ??= trustedTypes.createPolicy("csai", {
    createScriptURL: (address) => {
      if (address.startsWith(folder)) return address;
      throw TypeError(address);
    },
  }));
  return policy.createScriptURL(url);
}
