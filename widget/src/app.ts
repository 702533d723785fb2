/** The app, which the loader fetches: the window and all that happens in it. */

import type { Stage } from "./loader/stage.ts";
import { type Given, wanted } from "./options.ts";
import { Widget } from "./widget.ts";
import { readConfig } from "./wire.ts";
// last, so that it stands behind the code: that is 70 bytes less, compressed
import css from "./style.css?inline";

export type StartApp = typeof start;

export function start(stage: Stage, given: Given, sent: unknown): Widget {
  const config = readConfig(sent);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  stage.host.shadowRoot?.adoptedStyleSheets.push(sheet);
  return new Widget(stage, wanted(given, config.branding), config);
}
