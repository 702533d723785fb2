/** Following what the server tells as it happens, while the page is looked at: a browser has few connections. */

import { useEffect, useEffectEvent } from "react";

const AGAIN_MS = 30_000;

interface Followed<T> {
  /** The connection is there, for the first time or again: what was told before was missed. */
  readonly onOpen: () => void;
  readonly onEvent: (told: T) => void;
}

export function useFollowed<T>(url: string, event: string, { onOpen, onEvent }: Followed<T>): void {
  const opened = useEffectEvent(onOpen);
  const told = useEffectEvent((message: MessageEvent<string>) => onEvent(JSON.parse(message.data) as T));
  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = (): void => {
      clearTimeout(timer);
      source?.close();
      source = undefined;
    };
    const open = (): void => {
      close();
      if (document.hidden) return;
      source = new EventSource(url);
      source.addEventListener("open", () => opened());
      source.addEventListener(event, (message) => told(message));
      // A connection that ended is opened again by the browser; one that was refused is not.
      source.addEventListener("error", ({ target }) => {
        if ((target as EventSource).readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
      });
    };
    open();
    document.addEventListener("visibilitychange", open);
    return () => {
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }, [url, event]);
}
