/** Coming in, and going out. */

import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { VERIFY, keyOf, useChange } from "./api/query.ts";

/** Signs in and goes on to `next`; what another admin saw before is forgotten. */
export function useSignIn(next: string) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return useChange("POST /admin/auth/login", {
    isQuiet: true,
    onDone: ({ admin, expires_at }) => {
      cache.clear();
      cache.setQueryData(keyOf(VERIFY, {}), { admin, expires_at });
      void navigate(next, { replace: true });
    },
  });
}

/** For when the session has ended. */
export function useLeave(): () => void {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return () => {
    cache.clear();
    void navigate("/login");
  };
}
