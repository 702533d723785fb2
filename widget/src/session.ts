/** What the browser remembers of a visitor's conversation, one record per publishable key. */

import type { MessageRequest } from "./wire.ts";

export interface Session {
  readonly id: string;
  readonly token: string;
}

/** A message whose outcome is not known yet; sent again under the same key, the server answers it once. */
export interface PendingMessage {
  readonly key: string;
  readonly request: MessageRequest;
}

interface Remembered {
  /** Whose conversation it is, as far as the page has said. */
  readonly visitor?: string | undefined;
  readonly session?: Session | undefined;
  readonly pending?: PendingMessage | undefined;
  /** The visitor has read what the business says of privacy, and agrees. */
  readonly hasAgreed?: boolean | undefined;
}

export class SessionStore {
  readonly #storage: Storage | undefined;
  readonly #name: string;
  #memory: Remembered = {};
  #isRefused = false;

  /** Without storage, which a browser may refuse, the record lives as long as the page. */
  constructor(apiKey: string, storage: Storage | undefined) {
    this.#storage = storage;
    this.#name = `csai:${apiKey}`;
  }

  /** What is not as it was written here is as if it were not there. */
  get record(): Remembered & { readonly hasAgreed: boolean } {
    const { visitor, session, pending, hasAgreed } = this.#read();
    return {
      visitor: typeof visitor === "string" ? visitor : undefined,
      session: typeof session?.id === "string" && typeof session.token === "string" ? session : undefined,
      pending: typeof pending?.key === "string" && typeof pending.request?.message === "string" ? pending : undefined,
      hasAgreed: hasAgreed === true,
    };
  }

  keep(change: Remembered): void {
    this.#write({ ...this.record, ...change });
  }

  /** Unless another tab has begun something else since. */
  keepFor(pending: PendingMessage, change: Remembered): void {
    if (this.record.pending?.key === pending.key) this.keep(change);
  }

  /** Forgets the conversation; whose browser it is, and what they agreed to, stays known. */
  clear(): void {
    this.keep({ session: undefined, pending: undefined });
  }

  #read(): Remembered {
    if (this.#isRefused) return this.#memory;
    try {
      const record: unknown = JSON.parse(this.#storage?.getItem(this.#name) ?? "null");
      if (typeof record === "object" && record !== null) return record;
    } catch {
      // unreadable, or written by something else: as if there were none
    }
    return this.#memory;
  }

  #write(record: Remembered): void {
    this.#memory = record;
    try {
      this.#storage?.setItem(this.#name, JSON.stringify(record));
      this.#isRefused = false;
    } catch {
      // full or forbidden: what it still holds is out of date
      this.#isRefused = true;
    }
  }
}

/** What was typed and not sent yet; a tab's own, so that two tabs do not write over each other. */
export class Draft {
  readonly #storage: Storage | undefined;
  readonly #name: string;

  constructor(apiKey: string, storage: Storage | undefined) {
    this.#storage = storage;
    this.#name = `csai:${apiKey}:draft`;
  }

  get text(): string {
    try {
      return this.#storage?.getItem(this.#name) ?? "";
    } catch {
      return "";
    }
  }

  set text(text: string) {
    try {
      if (text) this.#storage?.setItem(this.#name, text);
      else this.#storage?.removeItem(this.#name);
    } catch {
      // then it lasts as long as the page
    }
  }
}

export function storageIfAllowed(kind: "localStorage" | "sessionStorage"): Storage | undefined {
  try {
    return window[kind];
  } catch {
    return undefined;
  }
}

export function newPending(request: MessageRequest): PendingMessage {
  return { key: newUuid(), request };
}

/** `crypto.randomUUID` is missing on pages that are served without TLS. */
function newUuid(): string {
  const digit = (): string => ((crypto.getRandomValues(new Uint8Array(1))[0] as number) & 15).toString(16);
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, digit);
}
