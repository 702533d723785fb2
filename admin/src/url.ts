/** What a page filters, sorts and shows is in its address: to be shared, kept, and gone back to. */

import { useCallback } from "react";
import { useSearchParams } from "react-router";

type Filters<K extends string> = Readonly<Record<K, string>>;

/** The named parts of the address; a change of one forgets the page of the list that was shown. */
export function useFilters<K extends string>(defaults: Filters<K>): readonly [Filters<K>, (changes: Partial<Filters<K>>) => void] {
  const [search, setSearch] = useSearchParams();
  const filters = Object.fromEntries(Object.entries<string>(defaults).map(([name, value]) => [name, search.get(name) ?? value])) as Filters<K>;
  const change = useCallback(
    (changes: Partial<Filters<K>>) =>
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          next.delete("before");
          for (const [name, value] of Object.entries(changes) as [K, string][]) {
            if (value === defaults[name]) next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: true, preventScrollReset: true },
      ),
    // The defaults are constants of the page.
    [setSearch],
  );
  return [filters, change];
}

/** The page of a list: `before` is the `next` of the page above; going back in the browser goes back. */
export function useCursor(): { readonly before: string | undefined; readonly go: (next: string | undefined) => void } {
  const [search, setSearch] = useSearchParams();
  return {
    before: search.get("before") ?? undefined,
    go: (next) =>
      setSearch((params) => {
        const changed = new URLSearchParams(params);
        if (next === undefined) changed.delete("before");
        else changed.set("before", next);
        return changed;
      }),
  };
}
