/** A form drawn from a JSON Schema: a plugin's settings, or what a tool is called with. */

import { type ReactNode, useEffect } from "react";
import { FormProvider } from "react-hook-form";

import { ApiProblem } from "../api/client.ts";
import type { FieldGroup, Json } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { useReason } from "../ui/states.tsx";
import { Notice } from "../ui/surface.tsx";
import { type Draft, type Faults, type Schema, draftOf, groupOf } from "./schema.ts";
import { type Drafts, SchemaField } from "./schema-field.tsx";
import { useStoredForm } from "./stored-form.ts";

interface Props {
  readonly schema: Schema;
  readonly values?: { readonly [name: string]: Json };
  /** Of the values, where they are stored. */
  readonly tag?: string;
  readonly groups?: readonly FieldGroup[];
  readonly submit: string;
  readonly isBusy: boolean;
  readonly isDisabled?: boolean;
  /** The server's refusal: beside the fields that it names, or above them. */
  readonly error: Error | null;
  readonly noteOf?: (name: string) => string | undefined;
  readonly onSubmit: (values: { [name: string]: Json }, drafts: Drafts) => void;
  readonly children?: ReactNode;
}

export function SchemaForm({ schema, values = {}, tag = "", groups, submit, isBusy, isDisabled = false, error, noteOf, onSubmit, children }: Props) {
  const t = useMessages();
  const form = useStoredForm<Drafts>(tag, draftsOf(schema, values));
  const { setError } = form;
  const properties = schema.properties ?? {};
  const sections = groups ?? [{ title: "", fields: Object.keys(properties) }];
  const named = error instanceof ApiProblem ? Object.keys(error.fields) : [];
  const isAllNamed = named.length > 0 && named.every((path) => (path.split(".")[0] ?? "") in properties);
  useEffect(() => {
    if (!(error instanceof ApiProblem)) return;
    // Whoever types on keeps the cursor.
    const mayFocus = !document.activeElement?.matches("input, textarea, select");
    Object.entries(error.fields).forEach(([path, said], index) => {
      const message = error.code === "secrets_needed" ? t.schemaForm.secretNeeded : said;
      setError(path.replace(/\.(\d+)/g, ".$1.item"), { message }, { shouldFocus: mayFocus && index === 0 });
    });
  }, [error, setError, t]);
  const read = (drafts: Drafts) => {
    const faults: Faults = new Map();
    const found = groupOf(schema, drafts, schema, faults);
    if (faults.size === 0) onSubmit(found, drafts);
    [...faults].forEach(([path, fault], index) => setError(path, { message: t.schemaForm[fault] }, { shouldFocus: index === 0 }));
  };
  if (Object.keys(properties).length === 0 && children === undefined) return <p className="text-soft">{t.schemaForm.noSettings}</p>;
  return (
    <FormProvider {...form}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void form.handleSubmit(read)(event)}>
        {error && !isAllNamed && <div role="alert"><Notice tone="bad"><Reason error={error} /></Notice></div>}
        {sections.map(({ title, fields }) => (
          <Section key={title} title={title}>
            {fields.map((name) => properties[name] && (
              <SchemaField key={name} schema={properties[name]} root={schema} path={name} name={name} isRequired={schema.required?.includes(name) ?? false} isDisabled={isDisabled} note={noteOf?.(name)} />
            ))}
          </Section>
        ))}
        {children}
        {!isDisabled && <Actions><Button type="submit" look="primary" isBusy={isBusy}>{submit}</Button></Actions>}
      </form>
    </FormProvider>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  if (title === "") return <div className="grid gap-4">{children}</div>;
  return (
    <fieldset className="grid gap-4">
      <legend className="mb-3 font-semibold">{title}</legend>
      {children}
    </fieldset>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

export function draftsOf(schema: Schema, values: { readonly [name: string]: Json }): Drafts {
  return draftOf({ ...schema, type: "object" }, values, schema) as { readonly [name: string]: Draft };
}
