/** What the page holds from the first moment on. A call made before the app is there waits for it, in order. */

import type { Identity } from "../identity.ts";
import type { Widget, WidgetEvent } from "../widget.ts";

export type { Identity } from "../identity.ts";
export type { WidgetEvent } from "../widget.ts";

/** `window.csai`, and what `mount` returns. */
export interface Handle {
  /** Of the loader. */
  readonly version: string;
  open(): void;
  close(): void;
  toggle(): void;
  /** Says whether the text was taken: only an empty one is not. While an answer runs, it waits for its end. */
  send(text: string): boolean;
  /** Returns a function that ends the listening. */
  on(event: WidgetEvent, listener: (detail?: string) => void): () => void;
  /**
   * Says who the visitor is, as the page's server has proved; null when they have signed out. For another person than
   * before the conversation starts anew.
   */
  identify(identity: Identity | null): void;
  /** The page's widget with that key. */
  get(apiKey: string): Handle | undefined;
  /** Takes the widget off the page. */
  destroy(): void;
}

declare global {
  interface Window {
    /** The page's first widget; further ones are had by `csai.get(key)`. */
    csai?: Handle | undefined;
  }
  interface HTMLElement {
    /** Of a `csai-widget`. */
    csaiHandle?: Handle;
  }
}

export const HOST_TAG = "csai-widget";

export type Progress = "loading" | "failed" | "there";

export interface Backing {
  /** Fetches the app and starts it; called again after a failure, when somebody asks. */
  start(): Promise<Widget>;
  /** Told only once somebody waits: an app that is fetched in good time is nobody's business. */
  show(progress: Progress): void;
  /** The widget leaves the page. */
  remove(): void;
}

/** Widgets find each other by their elements: every script tag has modules of its own. Without a key, the first one. */
export function find(apiKey?: string): Handle | undefined {
  return [...document.querySelectorAll<HTMLElement>(HOST_TAG)].find(({ dataset }) => !apiKey || dataset.key === apiKey)?.csaiHandle;
}

/** `load` fetches the app, if it is not there; `isAwaited`: somebody waits for it. */
export function makeHandle(backing: Backing): { readonly handle: Handle; readonly load: (isAwaited?: boolean) => void } {
  let waiting: ((widget: Widget) => void)[] = [];
  let widget: Widget | undefined;
  let isLoading = false;
  let isSomebodyWaiting = false;
  let isGone = false;

  function load(isAwaited = false): void {
    if (widget || isGone) return;
    isSomebodyWaiting ||= isAwaited;
    if (isSomebodyWaiting) backing.show("loading");
    if (isLoading) return;
    isLoading = true;
    backing.start().then(begin).catch((error: unknown) => {
      isLoading = false;
      if (isGone || !isSomebodyWaiting) return;
      isSomebodyWaiting = false; // whoever asks anew is told anew
      console.warn(error);
      backing.show("failed");
    });
  }

  function begin(started: Widget): void {
    if (isGone) return started.destroy();
    widget = started;
    backing.show("there");
    for (const call of waiting.splice(0)) call(widget);
  }

  function whenThere(call: (widget: Widget) => void): void {
    if (widget) call(widget);
    else if (!isGone) waiting.push(call);
  }

  const handle: Handle = {
    version: __VERSION__,
    open() {
      whenThere((widget) => widget.open());
      load(true);
    },
    close: () => whenThere((widget) => widget.close()),
    toggle: () => (widget ? widget.toggle() : handle.open()),
    send(text) {
      if (!text.trim() || isGone) return false;
      whenThere((widget) => widget.send(text));
      load(true);
      return true;
    },
    on(event, listener) {
      let end: (() => void) | undefined;
      let isOver = false;
      whenThere((widget) => {
        if (!isOver) end = widget.on(event, listener);
      });
      return () => {
        isOver = true;
        end?.();
      };
    },
    identify: (identity) => whenThere((widget) => widget.identify(identity)),
    get: find,
    destroy() {
      if (isGone) return;
      isGone = true;
      waiting = [];
      widget?.destroy();
      backing.remove();
    },
  };
  return { handle, load };
}
