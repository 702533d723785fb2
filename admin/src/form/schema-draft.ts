/** A JSON Schema as it is being written: the text, and what is wrong with it, told a moment after the last key. */

import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";

import { ask } from "../api/client.ts";
import type { Json } from "../api/types.ts";
import { type SyntaxFault, parsedJson } from "./json-text.ts";

const CHECK = "POST /admin/tools/schema";
const SETTLED_MS = 300;

export interface SchemaDraft {
  readonly text: string;
  readonly write: (text: string) => void;
  /** Where the text is no JSON. */
  readonly syntax: SyntaxFault | undefined;
  /** What the server has against it; undefined while it is asked. */
  readonly faults: readonly { readonly path: string; readonly message: string }[] | undefined;
  /** Why the server could not be asked. */
  readonly error: Error | null;
  /** What is written, where the server has nothing against it. */
  readonly value: Json | undefined;
  /** The same, asked for at once: who saves does not wait for the moment after the last key. */
  readonly checked: () => Promise<Json | undefined>;
}

export function useSchemaDraft(first: Json): SchemaDraft {
  const [text, write] = useState(() => JSON.stringify(first, null, 2));
  const settled = useSettled(text);
  const { value, fault } = useMemo(() => parsedJson(text), [text]);
  const cache = useQueryClient();
  const asked = queryOptions({
    queryKey: [CHECK, text],
    // Without its signal: what is asked before a save is not given up as the next key comes.
    queryFn: () => ask(CHECK, { body: { parameters_schema: value ?? null } }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const check = useQuery({ ...asked, enabled: fault === undefined && settled === text });
  const faults = fault === undefined ? check.data?.faults : undefined;
  const checked = async () => {
    if (fault !== undefined) return undefined;
    // Why it fails is told where the text is.
    const answer = await cache.fetchQuery(asked).catch(() => undefined);
    return answer?.faults.length === 0 ? value : undefined;
  };
  return { text, write, syntax: fault, faults, error: check.error, value: faults?.length === 0 ? value : undefined, checked };
}

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const later = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(later);
  }, [text]);
  return settled;
}
