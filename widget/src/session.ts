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
  readonly session?: Session | undefined;
  readonly pending?: PendingMessage | undefined;
}

export class SessionStore {
  readonly #storage: Storage | undefined;
  readonly #name: string;
  #memory: Remembered = {};

  /** Without storage, which a browser may refuse, the record lives as long as the page. */
  constructor(apiKey: string, storage: Storage | undefined) {
    this.#storage = storage;
    this.#name = `csai:${apiKey}`;
  }

  get session(): Session | undefined {
    const session = this.#read().session;
    return typeof session?.id === "string" && typeof session.token === "string" ? session : undefined;
  }

  set session(session: Session | undefined) {
    this.#write({ ...this.#read(), session });
  }

  get pending(): PendingMessage | undefined {
    const pending = this.#read().pending;
    return typeof pending?.key === "string" && typeof pending.request?.message === "string" ? pending : undefined;
  }

  set pending(pending: PendingMessage | undefined) {
    this.#write({ ...this.#read(), pending });
  }

  clear(): void {
    this.#write({});
  }

  #read(): Remembered {
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
    } catch {
      // storage is full or refused
    }
  }
}

export function localStorageIfAllowed(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

export function newPending(request: MessageRequest): PendingMessage {
  return { key: newUuid(), request };
}

/** `crypto.randomUUID` is missing on pages that are served without TLS. */
function newUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
