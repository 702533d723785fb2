/** Asking the server: typed by its OpenAPI document, refused in its own words. */

import type { Json, Routes } from "./types.ts";

export type Route = keyof Routes;
export type Answer<R extends Route> = Routes[R]["answer"];

type Part<R extends Route, K extends "path" | "query" | "body"> = Routes[R][K] extends undefined
  ? { readonly [name in K]?: undefined }
  : Partial<Routes[R][K]> extends Routes[R][K]
    ? { readonly [name in K]?: Routes[R][K] }
    : { readonly [name in K]: Routes[R][K] };

/** What a route takes; `tag` is that of what was read, for a change that must not undo somebody else's. */
export type Request<R extends Route> = Part<R, "path"> &
  Part<R, "query"> &
  Part<R, "body"> &
  (Routes[R]["isTagged"] extends true ? { readonly tag: string } : { readonly tag?: undefined });

export interface Tagged<T> {
  readonly data: T;
  /** What a change names in `If-Match`. */
  readonly tag: string;
}

/** A refusal: what happened and what to do, and which fields of a form are at fault. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly fields: Readonly<Record<string, string>>;

  constructor(status: number, body: { readonly [name: string]: Json }) {
    super(typeof body["detail"] === "string" ? body["detail"] : `The server answered ${status}.`);
    this.status = status;
    this.code = typeof body["code"] === "string" ? body["code"] : "";
    this.requestId = typeof body["request_id"] === "string" ? body["request_id"] : "";
    this.fields = fieldsOf(body["errors"]);
  }
}

export async function ask<R extends Route>(route: R, request: Request<R>, signal?: AbortSignal): Promise<Answer<R>> {
  return (await askTagged(route, request, signal)).data;
}

export async function askTagged<R extends Route>(route: R, request: Request<R>, signal?: AbortSignal): Promise<Tagged<Answer<R>>> {
  const response = await send(route, request, signal);
  const data = response.status === 204 ? undefined : await response.json();
  return { data: data as Answer<R>, tag: response.headers.get("etag") ?? "*" };
}

/** The answer as it comes, for what is no JSON. Raises `ApiProblem`. */
export async function send<R extends Route>(route: R, request: Request<R>, signal?: AbortSignal, accept = "application/json"): Promise<Response> {
  const method = route.slice(0, route.indexOf(" "));
  const headers = new Headers({ Accept: accept });
  if (request.tag !== undefined) headers.set("If-Match", request.tag);
  if (request.body !== undefined) headers.set("Content-Type", "application/json");
  const body = request.body === undefined ? null : JSON.stringify(request.body);
  let response: Response;
  try {
    response = await fetch(urlOf(route, request), { method, headers, body, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem(0, { code: "unreachable" });
  }
  if (!response.ok) throw new ApiProblem(response.status, await problemIn(response));
  return response;
}

export function urlOf<R extends Route>(route: R, request: { readonly path?: unknown; readonly query?: unknown }): string {
  const path = (request.path ?? {}) as Record<string, string>;
  const filled = route.slice(route.indexOf(" ") + 1).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((request.query ?? {}) as Record<string, unknown>)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") query.append(name, String(each));
    }
  }
  return query.size > 0 ? `${filled}?${query}` : filled;
}

async function problemIn(response: Response): Promise<{ readonly [name: string]: Json }> {
  try {
    return (await response.json()) as { readonly [name: string]: Json };
  } catch {
    return {};
  }
}

/** By the last part of their pointer's path below the body: `/settings/url` is the field `url`. */
function fieldsOf(errors: Json | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const each of Array.isArray(errors) ? errors : []) {
    const { pointer, detail } = each as { readonly pointer?: Json; readonly detail?: Json };
    if (typeof pointer !== "string" || typeof detail !== "string") continue;
    found[pointer.replace(/^\/(settings\/)?/, "").replaceAll("/", ".")] = detail;
  }
  return found;
}
