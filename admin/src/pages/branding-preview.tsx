/** The real widget in a frame, told of each change of the form. */

import { useEffect, useRef, useState } from "react";

import type { Branding, WidgetConfig } from "../api/types.ts";
import { useMessages } from "../language.tsx";

const CALM_MS = 400;
const LOOK = ["title", "greeting", "primary_color", "position", "theme", "logo_url", "link_hosts", "image_hosts"] as const;

export function WidgetPreview({ branding }: { readonly branding: Branding }) {
  const t = useMessages();
  const frame = useRef<HTMLIFrameElement>(null);
  const [isReady, setReady] = useState(false);
  const config = JSON.stringify(configOf(branding));
  useEffect(() => {
    const hear = ({ source, origin }: MessageEvent): void => {
      if (origin === location.origin && source === frame.current?.contentWindow) setReady(true);
    };
    addEventListener("message", hear);
    return () => removeEventListener("message", hear);
  }, []);
  useEffect(() => {
    if (!isReady) return undefined;
    // Not at every letter: the widget is made anew each time.
    const timer = setTimeout(() => {
      frame.current?.contentWindow?.postMessage(JSON.parse(config), location.origin);
    }, CALM_MS);
    return () => clearTimeout(timer);
  }, [isReady, config]);
  return <iframe ref={frame} src="/dashboard/preview/" title={t.branding.preview} className="h-[36rem] w-full rounded-b-lg" />;
}

/** What the widget would be told, in the shape of GET /api/config; its words are the page's in the frame to add. */
function configOf(branding: Branding): Omit<WidgetConfig, "client" | "locale"> {
  const { handoff = true, email_follow_up = true, feedback = true, rating = true, transcript = true } = branding;
  return {
    branding: Object.fromEntries(LOOK.flatMap((name) => (branding[name] === null || branding[name] === undefined ? [] : [[name, branding[name]]]))),
    features: { streaming: true, stop: true, handoff, email_follow_up, feedback, rating, transcript },
    notices: {
      ai: { is_shown: branding.ai_notice !== "hidden", text: branding.ai_notice_text ?? null },
      privacy: { text: branding.privacy_text ?? null, url: branding.privacy_url ?? null },
      is_consent_required: branding.consent === "required",
    },
    quick_replies: branding.quick_replies ?? [],
  };
}
