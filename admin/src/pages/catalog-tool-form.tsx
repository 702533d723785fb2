/** What a shared tool is, written: its words, what runs it, what it may, and the schema of its arguments. */

import { useId } from "react";
import { type UseFormRegisterReturn, useForm } from "react-hook-form";

import { useRead } from "../api/query.ts";
import type { Json, SharedTool } from "../api/types.ts";
import { useSchemaDraft } from "../form/schema-draft.ts";
import { SchemaEditor } from "../form/schema-editor.tsx";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { Checkbox, SelectField, TextArea, TextField } from "../ui/field.tsx";
import { Refused } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";
import { READ_CATALOG } from "./catalog-tool.tsx";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const FLAGS = ["read_only", "idempotent", "private", "confirm"] as const;

type Flag = (typeof FLAGS)[number];

export type ToolDefinition = Pick<SharedTool, "description" | "category" | "backend" | "parameters_schema" | Flag>;

export const NEW_TOOL: ToolDefinition & { readonly name: string } = {
  name: "",
  description: "",
  category: "general",
  backend: "",
  read_only: true,
  idempotent: false,
  private: false,
  confirm: false,
  parameters_schema: { type: "object", properties: {}, required: [], additionalProperties: false },
};

interface Props {
  readonly tool: ToolDefinition & { readonly name: string };
  readonly submit: string;
  readonly isBusy: boolean;
  readonly error: Error | null;
  readonly onSave: (name: string, definition: ToolDefinition) => void;
}

export function CatalogToolForm({ tool, submit, isBusy, error, onSave }: Props) {
  const t = useMessages();
  const id = useId();
  const { parameters_schema, ...written } = tool;
  const schema = useSchemaDraft(parameters_schema);
  const { register, handleSubmit, formState: { errors, isSubmitted, isSubmitting } } = useForm({ defaultValues: written });
  const isNeeded = { validate: (text: string) => text.trim() !== "" || t.schemaForm.required };
  const save = async ({ name, description, category, backend, ...flags }: typeof written) => {
    const checked = await schema.checked();
    if (checked === undefined) return;
    const chosen = Object.fromEntries(FLAGS.map((flag) => [flag, flags[flag]])) as Record<Flag, boolean>;
    onSave(name.trim(), { description: description.trim(), category: category.trim(), backend, ...chosen, parameters_schema: checked as { readonly [name: string]: Json } });
  };
  return (
    <>
      <form id={id} noValidate className="grid grid-cols-1 gap-4" onSubmit={(event) => void handleSubmit(save)(event)}>
        <Refused error={error} />
        <Card title={t.common.details}>
          <div className="grid items-start gap-4 sm:grid-cols-2">
            {tool.name === "" && <TextField label={t.common.name} hint={t.catalog.nameHint} dir="ltr" autoComplete="off" spellCheck={false} isRequired error={errors.name?.message} {...register("name", { validate: (text) => NAME.test(text.trim()) || t.catalog.nameInvalid })} />}
            <TextField label={t.tools.category} dir="auto" maxLength={50} isRequired error={errors.category?.message} {...register("category", isNeeded)} />
            <Backend current={tool.backend} error={errors.backend?.message} field={register("backend", isNeeded)} />
            <div className="sm:col-span-2"><TextArea label={t.catalog.description} hint={t.catalog.descriptionHint} dir="auto" maxLength={4000} isRequired error={errors.description?.message} {...register("description", isNeeded)} /></div>
            {FLAGS.map((flag) => <Checkbox key={flag} label={t.catalog.flags[flag]} hint={t.catalog.flagHints[flag]} {...register(flag)} />)}
          </div>
        </Card>
      </form>
      <SchemaEditor draft={schema} isHeldBack={isSubmitted} />
      <Actions><Button type="submit" form={id} look="primary" isBusy={isBusy || isSubmitting}>{submit}</Button></Actions>
    </>
  );
}

/** Those that are installed, and what the tool has, which may be gone. */
function Backend({ current, error, field }: { readonly current: string; readonly error: string | undefined; readonly field: UseFormRegisterReturn }) {
  const t = useMessages();
  const { data } = useRead(READ_CATALOG, {});
  const names = [...new Set([...(current ? [current] : []), ...(data?.backends ?? [])])];
  const choices = [{ value: "", label: t.schemaForm.unset }, ...names.map((value) => ({ value, label: value }))];
  const hint = data?.backends.length === 0 ? t.catalog.noBackend : t.catalog.backendHint;
  return <SelectField key={names.join()} label={t.tools.runs} hint={hint} isRequired error={error} choices={choices} {...field} />;
}
