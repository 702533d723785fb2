/** Parts of the interface in files of their own, which come when they are shown, or in idle time before. */

import { type ComponentType, use } from "react";

let waiting: (() => Promise<void>)[] = [];

/** Like React's `lazy`, but drawn at once where its file is there already: `lazy` comes with its fallback first
 * even then, and React keeps a fallback for 300 ms. */
export function deferred<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> & { readonly fetch: () => Promise<void> } {
  let Part: ComponentType<P> | undefined;
  let loading: Promise<void> | undefined;
  const begin = () => (loading ??= load().then((loaded) => void (Part = loaded)));
  // What could not be had ahead is asked for again when it is shown.
  const fetch = () => begin().catch(() => void (loading = undefined));
  waiting.push(fetch);
  function Deferred(props: P) {
    if (Part === undefined) use(begin());
    return Part && <Part {...props} />;
  }
  return Object.assign(Deferred, { fetch });
}

/** Fetch every part that there is, then those that the fetched ones have. */
export async function fetchDeferred(): Promise<void> {
  while (waiting.length > 0) {
    const next = waiting;
    waiting = [];
    await Promise.all(next.map((fetch) => fetch()));
  }
}
