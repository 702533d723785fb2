/** News of conversations, as the server tells them to whoever may read them: one connection for a page. */

import { useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

import { urlOf } from "./client.ts";
import { useFollowed } from "./follow.ts";
import type { ReadRoute } from "./query.ts";
import type { ConversationItem } from "./types.ts";

/** As an event tells it. */
export type Told = Omit<ConversationItem, "last_message">;

interface Of {
  readonly client_id?: string | null;
  readonly conversation_id?: string;
}

interface Heard {
  readonly onMissed: () => void;
  readonly onEvent: (told: Told) => void;
}

/** Of all that the admin may read, of one client, or of one conversation; see `useFollowed`. */
export function useConversationNews(of: Of | undefined, heard: Heard): boolean | undefined {
  return useFollowed(of && urlOf("GET /admin/conversations/events", { query: of }), "conversation.changed", heard);
}

/** Reads the routes anew whenever there are news, once they were read a first time. */
export function useKeptRead(of: Of, read: { readonly data: unknown }, routes: readonly ReadRoute[]): boolean | undefined {
  const cache = useQueryClient();
  const refresh = useInTurn(() => Promise.all(routes.map((route) => cache.invalidateQueries({ queryKey: [route] }))));
  return useConversationNews(read.data === undefined ? undefined : of, { onMissed: refresh, onEvent: refresh });
}

/** Does the job once at a time: asked for while it is done, it is done once more afterwards. */
export function useInTurn(job: () => Promise<unknown>): () => void {
  const state = useRef({ isBusy: false, isDue: false }).current;
  return () => {
    state.isDue = true;
    if (!state.isBusy) void work();
  };
  async function work(): Promise<void> {
    state.isBusy = true;
    try {
      while (state.isDue) {
        state.isDue = false;
        await job();
      }
    } finally {
      state.isBusy = false;
    }
  }
}
