/** Reading and changing through the cache that all pages share. */

import {
  QueryCache,
  QueryClient,
  type QueryKey,
  keepPreviousData,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";

import { useToasts } from "../ui/toast.tsx";
import { type Answer, ApiProblem, type Request, type Route, type Tagged, ask, askTagged } from "./client.ts";

export type ReadRoute = Extract<Route, `GET ${string}`>;

export const SESSION = "GET /admin/auth/session";

const TRIES = 2;
const FRESH_MS = 10_000;

export function newQueryClient(): QueryClient {
  const retry = (count: number, error: Error): boolean => count < TRIES && isPassing(error);
  // A session that has ended is noticed by whatever is read next; asking who is signed in leads to signing in.
  const onError = (error: Error): void => {
    if (error instanceof ApiProblem && error.status === 401) void client.invalidateQueries({ queryKey: [SESSION] });
  };
  const client = new QueryClient({ queryCache: new QueryCache({ onError }), defaultOptions: { queries: { retry, staleTime: FRESH_MS } } });
  return client;
}

/** Whether the same request may do better a moment later. */
function isPassing(error: Error): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 502);
}

export function keyOf<R extends ReadRoute>(route: R, request?: Request<R>): QueryKey {
  return request === undefined ? [route] : [route, request];
}

interface ReadOptions {
  readonly isEnabled?: boolean;
  /** Ask again after so many milliseconds, while the page is looked at. */
  readonly every?: number;
  /** Not asked again only because the window is come back to: nothing moves under who reads. */
  readonly isStill?: boolean;
}

/** What a route answers; the page before stays while the next is on its way. */
export function useRead<R extends ReadRoute>(route: R, request: Request<R>, { isEnabled = true, every, isStill = false }: ReadOptions = {}) {
  return useQuery<Answer<R>, Error>({
    queryKey: keyOf(route, request),
    queryFn: ({ signal }) => ask(route, request, signal),
    enabled: isEnabled,
    placeholderData: keepPreviousData,
    refetchInterval: every ?? false,
    refetchOnWindowFocus: !isStill,
    refetchOnReconnect: !isStill,
  });
}

export interface Stored<T> extends Tagged<T> {
  /** What a form over it is keyed by: unlike the tag it outlives changes made here, and what is typed while one is on its way. */
  readonly drawn: string;
}

/** The same with its tag, for what is going to be changed. */
export function useReadTagged<R extends ReadRoute>(route: R, request: Request<R>) {
  return useQuery<Stored<Answer<R>>, Error>({
    queryKey: taggedKeyOf(route, request),
    queryFn: async ({ client, queryKey, signal }) => {
      const read = await askTagged(route, request, signal);
      const known = client.getQueryData<Stored<Answer<R>>>(queryKey);
      return { ...read, drawn: known?.tag === read.tag ? known.drawn : read.tag };
    },
  });
}

function taggedKeyOf(route: string, request: { readonly path?: unknown; readonly query?: unknown }): QueryKey {
  return [route, request, "tagged"];
}

/** The key of the read of what a route changes. */
function changedKeyOf<R extends Route>(route: R, { path }: Request<R>): QueryKey {
  return taggedKeyOf(route.replace(/^(PUT|PATCH) /, "GET "), { path });
}

/** What PUT and PATCH answer is what reading would answer from now on, or a part of it. */
async function keepAnswer<R extends Route>(cache: QueryClient, route: R, asked: Request<R>, { data, tag }: Tagged<Answer<R>>): Promise<void> {
  const key = changedKeyOf(route, asked);
  // What is being read was asked for before the change.
  await cache.cancelQueries({ queryKey: key, exact: true });
  cache.setQueryData<Stored<object>>(key, (before) => before && { ...before, data: { ...before.data, ...data }, tag });
}

interface ChangeOptions<R extends Route, L extends ReadRoute> {
  /** Which reads the change makes old. */
  readonly refreshes?: readonly ReadRoute[];
  /** What is shown at once, and taken back where the server refuses. */
  readonly optimistic?: {
    readonly read: L;
    readonly request: Request<L>;
    readonly then: (before: Answer<L>, asked: Request<R>) => Answer<L>;
  };
  readonly onDone?: (answer: Answer<R>, asked: Request<R>) => void;
  /** Where a form shows the refusal itself. */
  readonly isQuiet?: boolean;
}

export function useChange<R extends Route, L extends ReadRoute = ReadRoute>(route: R, options: ChangeOptions<R, L> = {}) {
  const cache = useQueryClient();
  const toasts = useToasts();
  const { refreshes = [], optimistic, onDone, isQuiet = false } = options;
  const key = optimistic && keyOf(optimistic.read, optimistic.request);
  return useMutation<Answer<R>, Error, Request<R>, Answer<L> | undefined>({
    mutationFn: async (asked) => {
      // What is being read would overtake the answer, and draw the form anew.
      if (asked.tag !== undefined) await cache.cancelQueries({ queryKey: changedKeyOf(route, asked), exact: true });
      const answer = await askTagged(route, asked);
      if (asked.tag !== undefined && answer.data !== undefined) await keepAnswer(cache, route, asked, answer);
      return answer.data;
    },
    onMutate: async (asked) => {
      if (!optimistic || !key) return undefined;
      await cache.cancelQueries({ queryKey: key });
      const before = cache.getQueryData<Answer<L>>(key);
      if (before !== undefined) cache.setQueryData(key, optimistic.then(before, asked));
      return before;
    },
    onError: (error, _asked, before) => {
      if (key && before !== undefined) cache.setQueryData(key, before);
      if (!isQuiet) toasts.fail(error);
    },
    onSuccess: (answer, asked) => onDone?.(answer, asked),
    onSettled: () => Promise.all(refreshes.map((read) => cache.invalidateQueries({ queryKey: [read] }))),
  });
}
