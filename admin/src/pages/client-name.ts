/** What clients are called, for lists that name them by their ids: the first by name; of others the id is known. */

import { useRead } from "../api/query.ts";

const MOST_CLIENTS = 100;

export function useClientNames(isEnabled = true): Readonly<Record<string, string>> {
  const read = useRead("GET /admin/clients", { query: { limit: MOST_CLIENTS } }, { isEnabled });
  return Object.fromEntries((read.data?.clients ?? []).map(({ id, name }) => [id, name]));
}
