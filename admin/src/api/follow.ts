/** Following what the server tells as it happens, while the page is looked at: a browser has few connections. */

import { useEffect, useEffectEvent, useState } from "react";

/** After a connection was refused; one that ended is opened again by the browser. */
const AGAIN_MS = 30_000;
/** For so long a connection may be away until that is said. */
const PATIENCE_MS = 5_000;
/** How often what is not told is read; and what is told all the same. */
const UNTOLD_MS = 10_000;
const TOLD_MS = 60_000;

interface Followed<T> {
  /** Something may not have been told, as before the connection was there: it is to be read. */
  readonly onMissed: () => void;
  readonly onEvent: (told: T) => void;
}

/** Whether what happens is told as it happens; undefined until that is known. Nothing is followed without an address. */
export function useFollowed<T>(url: string | undefined, event: string, { onMissed, onEvent }: Followed<T>): boolean | undefined {
  const [isLive, setLive] = useState<boolean>();
  const missed = useEffectEvent(onMissed);
  const told = useEffectEvent((message: MessageEvent<string>) => onEvent(JSON.parse(message.data) as T));
  useEffect(() => {
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let patience: ReturnType<typeof setTimeout> | undefined;
    const settle = (): void => {
      clearTimeout(patience);
      patience = undefined;
    };
    const close = (): void => {
      clearTimeout(again);
      settle();
      source?.close();
      source = undefined;
    };
    const opened = (): void => {
      settle();
      setLive(true);
      missed();
    };
    const failed = ({ target }: Event): void => {
      if ((target as EventSource).readyState === EventSource.CLOSED) {
        settle();
        setLive(false);
        again = setTimeout(open, AGAIN_MS);
      } else patience ??= setTimeout(() => setLive(false), PATIENCE_MS);
    };
    const open = (): void => {
      close();
      if (document.hidden || url === undefined) return;
      source = new EventSource(url);
      source.addEventListener("open", opened);
      source.addEventListener("error", failed);
      source.addEventListener(event, (message) => told(message));
    };
    open();
    document.addEventListener("visibilitychange", open);
    return () => {
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }, [url, event]);
  useEffect(() => {
    if (url === undefined) return;
    const timer = setInterval(() => document.hidden || missed(), isLive ? TOLD_MS : UNTOLD_MS);
    return () => clearInterval(timer);
  }, [url, isLive]);
  return isLive;
}
