/** The language of the interface: its words, its direction, and how it writes numbers and dates. */

import { type ReactNode, createContext, use, useEffect, useMemo, useState } from "react";

import { type Formats, formatsOf } from "./format.ts";
import type { Messages } from "./messages/en/index.ts";

export const LANGUAGES = { en: "English", he: "עברית" } as const;
export type Language = keyof typeof LANGUAGES;

const STORED = "csai.language";
const LOADERS: Record<Language, () => Promise<{ messages: Messages }>> = {
  en: () => import("./messages/en/index.ts"),
  he: () => import("./messages/he/index.ts"),
};

interface Spoken {
  readonly language: Language;
  readonly messages: Messages;
  readonly formats: Formats;
  readonly choose: (language: Language) => void;
}

const Context = createContext<Spoken | null>(null);

export async function loadLanguage(): Promise<{ language: Language; messages: Messages }> {
  const stored = localStorage.getItem(STORED) ?? navigator.language.slice(0, 2);
  const language: Language = stored in LANGUAGES ? (stored as Language) : "en";
  return { language, messages: (await LOADERS[language]()).messages };
}

export function LanguageProvider({ first, children }: { first: { language: Language; messages: Messages }; children: ReactNode }) {
  const [{ language, messages }, setSpoken] = useState(first);
  useEffect(() => {
    Object.assign(document.documentElement, { lang: language, dir: directionOf(language) });
  }, [language]);
  const spoken = useMemo<Spoken>(
    () => ({
      language,
      messages,
      formats: formatsOf(language),
      choose: (next) => {
        localStorage.setItem(STORED, next);
        void LOADERS[next]().then((loaded) => setSpoken({ language: next, messages: loaded.messages }));
      },
    }),
    [language, messages],
  );
  return <Context value={spoken}>{children}</Context>;
}

export function directionOf(language: Language): "ltr" | "rtl" {
  return language === "he" ? "rtl" : "ltr";
}

export function useLanguage(): Spoken {
  const spoken = use(Context);
  if (spoken === null) throw new Error("There is no LanguageProvider around this.");
  return spoken;
}

/** The words of the interface. */
export function useMessages(): Messages {
  return useLanguage().messages;
}

export function useFormats(): Formats {
  return useLanguage().formats;
}
