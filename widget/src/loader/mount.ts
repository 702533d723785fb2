/** Puts the widget on the page: the bubble at once, the app when it is needed. */

import type { StartApp } from "../app.ts";
import type { Given } from "../options.ts";
import { find, type Handle, makeHandle } from "./handle.ts";
import { makeStage, type SentConfig } from "./stage.ts";

const CONFIG_WAIT_MS = 15_000;
/** So long may the server take to say how the bubble looks, before it is drawn as the page says. */
const LOOKS_WAIT_MS = 600;

/** Where the key already has a widget on this page, that one. */
export function mount(given: Given, loadApp: () => Promise<StartApp>): Handle {
  const there = find(given.apiKey);
  if (there) return there;
  const stage = makeStage(given, () => handle.toggle());
  const ask = async (): Promise<SentConfig | undefined> => {
    const sent = await loadConfig(given);
    if (sent) stage.dress(sent);
    else handle.destroy();
    return sent;
  };
  const { handle, load } = makeHandle({
    async start() {
      // what visitors have to be told comes with it, so nobody writes without it
      config = config.catch(ask);
      const [start, sent] = await Promise.all([loadApp(), config]);
      return start(stage, given, sent);
    },
    show: stage.show,
    remove() {
      stage.host.remove();
      // another widget of the page, if there is one, takes its place
      if (window.csai === handle) window.csai = find();
    },
  });
  stage.host.csaiHandle = handle;
  window.csai ??= handle;
  stage.bubble.onpointerenter = () => load();
  setTimeout(stage.reveal, given.position && given.primaryColor ? 0 : LOOKS_WAIT_MS);
  let config = ask();
  config.then(stage.reveal, stage.reveal);
  if (`${given.open ?? false}` !== "false") load(true);
  else if (hasConversation(given.apiKey)) whenIdle(load);
  document.dispatchEvent(new CustomEvent("csai:ready", { detail: handle }));
  return handle;
}

/** Undefined where the key is refused: then there is no chat on this page. */
async function loadConfig({ apiUrl, apiKey, lang = document.documentElement.lang }: Given): Promise<SentConfig | undefined> {
  const response = await fetch(`${apiUrl.replace(/\/+$/, "")}/api/config?lang=${encodeURIComponent(lang as string)}`, {
    headers: { "X-API-Key": apiKey },
    credentials: "omit",
    signal: AbortSignal.timeout(CONFIG_WAIT_MS),
  });
  const sent = response.ok && ((await response.json()) as SentConfig | null);
  if (sent && sent.locale?.labels) return sent;
  if (![401, 403].includes(response.status)) throw Error("csai: no config");
  console.warn("csai: data-api-key is not valid here");
}

/** What `SessionStore` keeps. */
function hasConversation(apiKey: string): boolean {
  try {
    return /"(session|pending)":\{/.test(localStorage.getItem(`csai:${apiKey}`) ?? "");
  } catch {
    return false;
  }
}

/** After the page has all it needs itself. */
function whenIdle(act: () => void): void {
  const later = (): unknown => (window.requestIdleCallback ?? setTimeout)(() => act());
  if (document.readyState === "complete") later();
  else window.addEventListener("load", later);
}
