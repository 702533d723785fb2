/** Coming in, and going out. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { SESSION, keyOf, useChange } from "./api/query.ts";
import type { Session } from "./session.tsx";

/** Goes on to `next` as who came in; what another admin saw before is forgotten. */
export function useEnter(next: string): (session: Session) => void {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return ({ admin, expires_at }) => {
    cache.clear();
    cache.setQueryData(keyOf(SESSION, {}), { signed_in: { admin, expires_at } });
    void navigate(next, { replace: true });
  };
}

export function useSignIn(next: string) {
  return useChange("POST /admin/auth/login", { isQuiet: true, onDone: useEnter(next) });
}

/** For when the session has ended: the shell takes its pages away, before one of them asks for anything, and leads to signing in. */
export function useLeave(): () => void {
  const cache = useQueryClient();
  return () => void cache.setQueryData(keyOf(SESSION, {}), { signed_in: null });
}
