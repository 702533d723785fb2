/** The client whose pages are looked at: the address names it; elsewhere it is the one looked at last, of those they may see. */

import { useEffect } from "react";
import { useMatch, useParams } from "react-router";

import { useSession } from "../session.tsx";

const STORED = "csai.client";

/** For the pages of a client. */
export function useClientId(): string {
  return useParams()["clientId"] ?? "";
}

/** For what stands around the pages; undefined before the first client was looked at by who may see them all. */
export function useCurrentClient(): string | undefined {
  const theirs = useSession().admin.client_ids;
  const named = useMatch("/clients/:clientId/*")?.params.clientId;
  useEffect(() => {
    if (named) localStorage.setItem(STORED, named);
  }, [named]);
  const current = named ?? localStorage.getItem(STORED) ?? undefined;
  // Whoever used this browser before may have looked at another one.
  return theirs === null || (current !== undefined && theirs.includes(current)) ? current : theirs[0];
}
