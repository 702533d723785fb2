/** One field of a form that is drawn from a schema; lists and groups draw their own. */

import { Plus, Trash2 } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { type Control, useFieldArray, useFormContext } from "react-hook-form";

import type { Json } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Checkbox, SelectField, TextArea, TextField } from "../ui/field.tsx";
import { type Draft, type Schema, choicesOf, draftOf, kindOf, resolved } from "./schema.ts";

export interface Drafts {
  readonly [name: string]: Draft;
}

interface Props {
  readonly schema: Schema;
  readonly root: Schema;
  readonly path: string;
  readonly name: string;
  readonly isRequired: boolean;
  readonly isDisabled: boolean;
  /** What is said beside what the schema says. */
  readonly note?: string | undefined;
}

export function SchemaField({ schema: given, root, path, name, isRequired, isDisabled, note }: Props) {
  const t = useMessages();
  const { register, control, formState } = useFormContext<Drafts>();
  const schema = resolved(given, root);
  const kind = kindOf(schema);
  const label = schema.title ?? name;
  const words = [schema.description, note, kind === "json" && t.schemaForm.json, defaultOf(schema.default, t.schemaForm.defaultIs)];
  const field = { label, hint: hintOf(words), error: errorAt(formState.errors, path), isRequired, disabled: isDisabled };
  switch (kind) {
    case "flag":
      return <Checkbox {...field} {...register(path)} />;
    case "choice":
      return <SelectField {...field} {...register(path)} choices={[{ value: "", label: t.schemaForm.unset }, ...choicesOf(schema).map(({ value, title }) => ({ value: String(value), label: title }))]} />;
    case "secret":
      return <TextField {...field} {...register(path)} type="password" dir="ltr" autoComplete="new-password" />;
    case "number":
      return <TextField {...field} {...register(path)} inputMode="decimal" dir="ltr" />;
    case "long":
      return <TextArea {...field} {...register(path)} dir="auto" />;
    case "json":
      return <TextArea {...field} {...register(path)} dir="ltr" rows={5} spellCheck={false} className="font-mono text-xs" />;
    case "list":
      return <ListField {...{ schema, root, path, label, isDisabled }} hint={field.hint} control={control} />;
    case "group":
      return <GroupField {...{ schema, root, path, label, isDisabled }} hint={field.hint} />;
    default:
      return <TextField {...field} {...register(path)} dir="auto" type={schema.format === "uri" ? "url" : "text"} />;
  }
}

interface NestedProps {
  readonly schema: Schema;
  readonly root: Schema;
  readonly path: string;
  readonly label: string;
  readonly hint: ReactNode;
  readonly isDisabled: boolean;
}

function ListField({ schema, root, path, label, hint, isDisabled, control }: NestedProps & { readonly control: Control<Drafts> }) {
  const t = useMessages();
  const items = schema.items ?? {};
  // The drafts' type has no end, so the library cannot tell which of its paths are lists: `draftOf` makes this one.
  const list = useFieldArray({ control: control as unknown as Control<Record<string, { item: Draft }[]>>, name: path });
  return (
    <fieldset className="grid gap-2 rounded-md border border-line p-3">
      <legend className="px-1 text-sm font-medium">{label}</legend>
      {hint && <p className="text-xs text-faint">{hint}</p>}
      {list.fields.map((field, index) => (
        <div key={field.id} className="flex items-end gap-2">
          <div className="min-w-0 flex-1">
            <SchemaField schema={items} root={root} path={`${path}.${index}.item`} name={t.schemaForm.item(index + 1)} isRequired={false} isDisabled={isDisabled} />
          </div>
          <IconButton icon={Trash2} label={t.schemaForm.removeItem(index + 1)} disabled={isDisabled} onClick={() => list.remove(index)} />
        </div>
      ))}
      <Button icon={Plus} className="justify-self-start" disabled={isDisabled} onClick={() => list.append({ item: draftOf(items, undefined, root) })}>
        {t.schemaForm.addItem}
      </Button>
    </fieldset>
  );
}

function GroupField({ schema, root, path, label, hint, isDisabled }: NestedProps) {
  return (
    <fieldset className="grid gap-3 rounded-md border border-line p-3">
      <legend className="px-1 text-sm font-medium">{label}</legend>
      {hint && <p className="text-xs text-faint">{hint}</p>}
      {Object.entries(schema.properties ?? {}).map(([name, part]) => (
        <SchemaField key={name} schema={part} root={root} path={`${path}.${name}`} name={name} isRequired={schema.required?.includes(name) ?? false} isDisabled={isDisabled} />
      ))}
    </fieldset>
  );
}

/** A plugin's words may be of another language than ours. */
function hintOf(words: readonly (string | false | undefined)[]): ReactNode {
  const said = words.filter((each) => each);
  return said.length > 0 && said.map((each, index) => <Fragment key={index}>{index > 0 && " · "}<bdi>{each}</bdi></Fragment>);
}

function defaultOf(value: Json | undefined, say: (value: string) => string): string | undefined {
  if (value === undefined || value === null || value === "" || typeof value === "boolean") return undefined;
  return say(typeof value === "object" ? JSON.stringify(value) : String(value));
}

/** The library keeps errors in a tree like that of the values. */
function errorAt(errors: unknown, path: string): string | undefined {
  const found = path.split(".").reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], errors);
  const message = (found as { readonly message?: unknown } | undefined)?.message;
  return typeof message === "string" ? message : undefined;
}
