/** A JSON Schema as a form has it: each value a draft that can be typed, and back again. */

import type { Json } from "../api/types.ts";

export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly writeOnly?: boolean;
  readonly format?: string;
  readonly maxLength?: number;
  readonly $ref?: string;
  readonly $defs?: { readonly [name: string]: Schema };
}

export type Kind = "text" | "long" | "secret" | "number" | "choice" | "flag" | "list" | "group" | "json";

/** What stands in the fields: text, a tick, the items of a list, the parts of a group. */
export type Draft = string | boolean | readonly { readonly item: Draft }[] | { readonly [name: string]: Draft };

/** What is wrong with a draft, by the path of its field. */
export type Faults = Map<string, "required" | "numberInvalid" | "jsonInvalid">;

const LONG_CHARS = 200;

/** References followed, and an alternative with null made plain. One that leads back to itself stays: it is written as JSON. */
export function resolved(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  const target = name === undefined || isEndless(name, root) ? undefined : root.$defs?.[name];
  const { $ref: _, ...own } = schema;
  if (target) return resolved({ ...target, ...own }, root);
  const others = schema.anyOf?.filter((each) => each.type !== "null") ?? [];
  const { anyOf: __, ...rest } = schema;
  const only = others.length === 1 ? others[0] : undefined;
  return only && schema.anyOf && schema.anyOf.length > 1 ? resolved({ ...only, ...rest }, root) : schema;
}

/** Whether a form of this definition would have itself in it. */
function isEndless(name: string, root: Schema): boolean {
  const reached = new Set<string>();
  const next = [name];
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    for (const [, inner = ""] of JSON.stringify(root.$defs?.[at] ?? null).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)) {
      if (inner === name) return true;
      if (!reached.has(inner)) next.push(inner);
      reached.add(inner);
    }
  }
  return false;
}

export function typeOf(schema: Schema): string | undefined {
  return typeof schema.type === "string" ? schema.type : schema.type?.filter((type) => type !== "null").at(0);
}

export function kindOf(schema: Schema): Kind {
  if (schema.writeOnly) return "secret";
  if (choicesOf(schema).length > 0) return "choice";
  switch (typeOf(schema)) {
    case "string":
      return (schema.maxLength ?? 0) > LONG_CHARS && schema.format === undefined ? "long" : "text";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "flag";
    case "array":
      return schema.items ? "list" : "json";
    case "object":
      return schema.properties && Object.keys(schema.properties).every(isPlain) ? "group" : "json";
    default:
      return "json";
  }
}

/** In the names of fields a dot parts a group from its field. */
function isPlain(name: string): boolean {
  return !name.includes(".") && !/^\d/.test(name);
}

export interface Option {
  readonly value: Json;
  readonly title: string;
}

export function choicesOf(schema: Schema): readonly Option[] {
  const labelled = schema.oneOf?.every((each) => each.const !== undefined) ? schema.oneOf : [];
  const options = labelled.map((each) => ({ value: each.const ?? null, title: each.title ?? String(each.const) }));
  const plain = (schema.enum ?? (schema.const === undefined ? [] : [schema.const])).map((value) => ({ value, title: String(value) }));
  return [...options, ...plain].filter(({ value }) => value !== null);
}

/** The draft of a value; of undefined, that of a field nobody has touched. */
export function draftOf(given: Schema, value: Json | undefined, root: Schema): Draft {
  const schema = resolved(given, root);
  switch (kindOf(schema)) {
    case "secret":
      return "";
    case "flag":
      return typeof value === "boolean" ? value : schema.default === true;
    case "list":
      return (isList(value) ? value : []).map((item) => ({ item: draftOf(schema.items ?? {}, item, root) }));
    case "group":
      return mapped(schema.properties ?? {}, (part, name) => draftOf(part, isObject(value) ? value[name] : undefined, root));
    case "json":
      return value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
    default:
      return value === undefined || value === null ? "" : String(value);
  }
}

/** The value of a draft; undefined where nothing was written. What cannot be read is added to `faults`. */
export function valueOf(given: Schema, draft: Draft | undefined, root: Schema, faults: Faults, path: string): Json | undefined {
  const schema = resolved(given, root);
  switch (kindOf(schema)) {
    case "flag":
      return draft === true;
    case "list":
      return (draft as readonly { readonly item: Draft }[]).map(({ item }, index) => valueOf(schema.items ?? {}, item, root, faults, `${path}.${index}.item`) ?? null);
    case "group":
      return groupOf(schema, (draft ?? {}) as { readonly [name: string]: Draft }, root, faults, path);
    case "number":
      return numberOf(String(draft ?? ""), faults, path);
    case "json":
      return jsonOf(String(draft ?? ""), faults, path);
    case "choice":
      return choicesOf(schema).find(({ value }) => String(value) === draft)?.value;
    default:
      return draft === "" || draft === undefined ? undefined : String(draft);
  }
}

/** The parts that were written; one that is required and missing is a fault. */
export function groupOf(schema: Schema, drafts: { readonly [name: string]: Draft }, root: Schema, faults: Faults, path = ""): { [name: string]: Json } {
  const found: { [name: string]: Json } = {};
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    const at = path === "" ? name : `${path}.${name}`;
    const value = valueOf(part, drafts[name], root, faults, at);
    const isUntouched = value === undefined || (isOptional(schema, name) && isBlank(value));
    if (!isUntouched) found[name] = value;
    else if (!isOptional(schema, name) && !faults.has(at)) faults.set(at, "required");
  }
  return found;
}

function isOptional(schema: Schema, name: string): boolean {
  return !schema.required?.includes(name);
}

function isBlank(value: Json): boolean {
  return isList(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function numberOf(text: string, faults: Faults, path: string): number | undefined {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  faults.set(path, "numberInvalid");
  return undefined;
}

function jsonOf(text: string, faults: Faults, path: string): Json | undefined {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    faults.set(path, "jsonInvalid");
    return undefined;
  }
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !isList(value);
}

function mapped<T, U>(parts: { readonly [name: string]: T }, act: (part: T, name: string) => U): { [name: string]: U } {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, act(part, name)]));
}
