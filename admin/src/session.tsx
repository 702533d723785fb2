/** Who is signed in, and what they may do. */

import { type ReactNode, createContext, use } from "react";

import type { Answer } from "./api/client.ts";

export type Session = NonNullable<Answer<"GET /admin/auth/session">["signed_in"]>;
export type Role = "owner" | "admin" | "teammate" | "viewer";

export const OWNERS: readonly Role[] = ["owner"];
export const CHANGERS: readonly Role[] = ["owner", "admin"];
export const READERS: readonly Role[] = ["owner", "admin", "viewer"];
export const ALL_ROLES: readonly Role[] = ["owner", "admin", "teammate", "viewer"];

const Context = createContext<Session | null>(null);

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <Context value={session}>{children}</Context>;
}

export function useSession(): Session {
  const session = use(Context);
  if (session === null) throw new Error("Nobody is signed in here.");
  return session;
}

/** Whether the signed-in admin has one of the roles; the server asks anyway. */
export function useMay(roles: readonly Role[] = CHANGERS): boolean {
  return roles.includes(useSession().admin.role as Role);
}

/** Whether they operate the whole installation rather than some of its clients. */
export function useIsOfInstallation(): boolean {
  return useSession().admin.client_ids === null;
}
