/** `import { mount } from "csai-widget"`: the same widget for pages that are built, its app a chunk of their own build. */

import type { Handle } from "./loader/handle.ts";
import { mount as mountWith } from "./loader/mount.ts";
import type { WidgetOptions } from "./options.ts";

export type { Handle, WidgetEvent } from "./loader/handle.ts";
export type { WidgetOptions } from "./options.ts";

/** Puts the widget on the page and returns its handle, which is `window.csai` as well. Only in a browser. */
export function mount(options: WidgetOptions): Handle {
  return mountWith(options, async () => (await import("./app.ts")).start);
}
