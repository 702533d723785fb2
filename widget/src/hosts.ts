/** Where links may lead and pictures come from. */

export interface AllowedHosts {
  /** Undefined allows every host: a link takes the visitor's click. */
  readonly links: readonly string[] | undefined;
  /** A picture is fetched unasked, and could carry words of the conversation away in its address. */
  readonly images: readonly string[];
}

/** A host is written as in addresses, with its port if that is unusual; `*.shop.example` stands for all below it. */
export function isFrom(hosts: readonly string[], address: string): boolean {
  const { host, protocol } = new URL(address);
  if (protocol === "mailto:") return true;
  return hosts.some((allowed) => allowed === host || (allowed.startsWith("*.") && host.endsWith(allowed.slice(1))));
}
