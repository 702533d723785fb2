/** The dashboard's first file. */

import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { newQueryClient } from "./api/query.ts";
import { LanguageProvider, loadLanguage } from "./language.tsx";
import { Router, fetchFirst } from "./shell/routes.tsx";
import "./style.css";
import { HintProvider } from "./ui/hint.tsx";
import { ToastProvider } from "./ui/toast.tsx";

const root = document.getElementById("app");
if (root === null) throw new Error("The page has no place for the app.");
const [spoken] = await Promise.all([loadLanguage(), fetchFirst()]);
createRoot(root).render(
  <StrictMode>
    <LanguageProvider first={spoken}>
      <QueryClientProvider client={newQueryClient()}>
        <HintProvider>
          <ToastProvider><Router /></ToastProvider>
        </HintProvider>
      </QueryClientProvider>
    </LanguageProvider>
  </StrictMode>,
);
