/** What is on the page before the app: the bubble, and what became of the app's way here. */

import type { Given } from "../options.ts";
import { describe, drawing } from "../view/svg.ts";
import { HOST_TAG, type Progress } from "./handle.ts";
import css from "./stage.css?inline";

const BALLOON = "M12 4c5 0 9 3 9 7.5S17 19 12 19l-2-.2C8 20.5 6 21 5 21c1-1.5 1-2.5 1-4-2-1.5-3-3-3-5.5C3 7 7 4 12 4Z";

/** Of the configuration what the bubble needs, as it was sent: nobody has made sure of it yet. */
export interface SentConfig {
  readonly branding?: { readonly position?: string; readonly primary_color?: string };
  readonly locale?: { readonly labels?: { readonly open?: string; readonly failedLoading?: string } } | null;
}

export interface Stage {
  readonly host: HTMLElement;
  readonly root: HTMLElement;
  readonly bubble: HTMLButtonElement;
  /** Again when the server has said how it wants the bubble to look and speak: the page's word goes first. */
  dress(config?: SentConfig): void;
  reveal(): void;
  show(progress: Progress): void;
}

export function makeStage(given: Given, onClick: () => void): Stage {
  const host = describe(document.createElement(HOST_TAG), { "data-key": given.apiKey });
  const root = document.createElement("div");
  const bubble = describe(document.createElement("button"), { type: "button", class: "launcher" });
  const trouble = describe(document.createElement("div"), { class: "trouble", role: "alert", dir: "auto" });
  bubble.append(drawing("chat", BALLOON));
  // the second click of a double click would undo the first
  bubble.onclick = ({ detail }) => detail < 2 && onClick();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  const shadow = host.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet];
  shadow.append(root);

  function dress({ branding, locale }: SentConfig = {}): void {
    const { position = branding?.position, primaryColor } = given;
    root.className = `root ${position}`.replace("-", " ");
    const color = [primaryColor, branding?.primary_color].find((color) => color && CSS.supports("color", color as string));
    root.style.setProperty("--accent", (color as string | undefined) ?? "#3451d1");
    const { open = "Open chat", failedLoading = "The chat could not be loaded. Press to try again." } = locale?.labels ?? {};
    bubble.ariaLabel = open;
    trouble.textContent = failedLoading;
  }

  function reveal(): void {
    if (!bubble.isConnected) root.append(bubble);
  }

  function show(progress: Progress): void {
    reveal();
    bubble.ariaBusy = `${progress === "loading"}`;
    trouble.remove();
    if (progress === "failed") root.append(trouble);
  }

  dress();
  // beside the body: pages replace, transform and filter their bodies
  document.documentElement.append(host);
  return { host, root, bubble, dress, reveal, show };
}
