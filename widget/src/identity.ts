/** Who the page says its visitor is, and the proof its server made. It is sent with each message and never stored. */

export interface Identity {
  /** A JWT signed with the client's identity secret, `sub` naming the visitor. */
  readonly user_token?: string | undefined;
  /** The visitor's id on the page; a mere label without `user_hash`. */
  readonly user_identifier?: string | undefined;
  /** Hexadecimal HMAC-SHA256 of `visitor:` and the identifier. */
  readonly user_hash?: string | undefined;
}

/** The page's word as the server takes it; undefined where it names nobody. */
export function identityFrom(given: Identity | null | undefined): Identity | undefined {
  const { user_token, user_identifier, user_hash } = given ?? {};
  if (user_token) return { user_token };
  if (!user_identifier) return undefined;
  return user_hash ? { user_identifier, user_hash } : { user_identifier };
}

/** The visitor's id, only to tell one from another: the server alone checks the proof. */
export function visitorOf({ user_token, user_identifier }: Identity): string {
  if (!user_token) return user_identifier ?? "";
  try {
    const [, payload = ""] = user_token.split(".");
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return String((claims as { sub?: unknown }).sub);
  } catch {
    return user_token;
  }
}
