/** The settings of a plugin, an integration or a channel: secrets are only written, and only changes are sent. */

import { useState } from "react";

import type { FieldGroup, Json, SettingField } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Checkbox } from "../ui/field.tsx";
import { SchemaForm, draftsOf } from "./schema-form.tsx";
import { type Schema, resolved } from "./schema.ts";
import type { Drafts } from "./schema-field.tsx";

interface Props {
  readonly schema: { readonly [name: string]: Json };
  readonly values: { readonly [name: string]: Json };
  /** Of the values, where they are stored. */
  readonly tag?: string;
  readonly fields: { readonly [name: string]: SettingField };
  readonly groups?: readonly FieldGroup[];
  readonly submit: string;
  readonly isBusy: boolean;
  readonly isDisabled?: boolean;
  readonly error: Error | null;
  /** By name; null takes a setting back. */
  readonly onSubmit: (changes: { [name: string]: Json }) => void;
}

export function SettingsForm({ schema: given, values, tag = "", fields, onSubmit, ...rest }: Props) {
  const t = useMessages();
  const schema = given as Schema;
  // Each tick with the tag under which it was sent: what is stored by now has been cleared of it.
  const [ticks, setTicks] = useState<ReadonlyMap<string, string | null>>(new Map());
  const cleared = [...ticks.keys()].filter((name) => (ticks.get(name) ?? tag) === tag);
  const secrets = Object.keys(schema.properties ?? {}).filter((name) => isSecret(schema, name, fields));
  const stored = secrets.filter((name) => fields[name]?.source === "client");
  const before = draftsOf(schema, values);
  const changesIn = (found: { [name: string]: Json }, drafts: Drafts): { [name: string]: Json } => {
    const changed = Object.keys(schema.properties ?? {}).filter((name) => JSON.stringify(drafts[name]) !== JSON.stringify(before[name]));
    const changes: { [name: string]: Json } = Object.fromEntries(changed.map((name) => [name, found[name] ?? null]));
    for (const name of cleared) changes[name] ??= null;
    return changes;
  };
  const noteOf = (name: string): string | undefined => {
    const field = fields[name];
    if (secrets.includes(name)) return field?.source === "client" ? t.schemaForm.secretSet : t.schemaForm.secretUnset;
    return field?.env ? t.schemaForm.fromEnvironment(field.env) : undefined;
  };
  return (
    <SchemaForm {...rest} schema={withoutRequired(schema)} values={values} tag={tag} noteOf={noteOf} onSubmit={(found, drafts) => { setTicks(new Map(cleared.map((name) => [name, tag]))); onSubmit(changesIn(found, drafts)); }}>
      {stored.length > 0 && !rest.isDisabled && (
        <div className="grid gap-2">
          {stored.map((name) => (
            <Checkbox
              key={name}
              label={`${t.schemaForm.clearSecret}: ${schema.properties?.[name]?.title ?? name}`}
              checked={cleared.includes(name)}
              onChange={(event) => setTicks(event.target.checked ? new Map(ticks).set(name, null) : new Map([...ticks].filter(([each]) => each !== name)))}
            />
          ))}
        </div>
      )}
    </SchemaForm>
  );
}

function isSecret(schema: Schema, name: string, fields: Props["fields"]): boolean {
  const field = schema.properties?.[name];
  return fields[name]?.is_secret ?? (field !== undefined && resolved(field, schema).writeOnly === true);
}

/** A setting that is missing may come from the environment or be stored already: the server says what is needed. */
function withoutRequired(schema: Schema): Schema {
  return { ...schema, required: [] };
}
