/** An endpoint, new or changed. */

import { useForm } from "react-hook-form";

import { ApiProblem } from "../api/client.ts";
import { useChange } from "../api/query.ts";
import type { EndpointState, Json } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { Checkbox, SelectField, TextArea, TextField } from "../ui/field.tsx";
import { useReason } from "../ui/states.tsx";
import { Notice } from "../ui/surface.tsx";
import { READ_ENDPOINTS } from "./integration-endpoints.tsx";
import type { IntegrationPath } from "./integration.tsx";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

interface Values {
  readonly name: string;
  readonly description: string;
  readonly method: string;
  readonly url: string;
  readonly parameters_schema: string;
  readonly request: string;
  readonly is_private: boolean;
  readonly visitor_parameters: string;
  readonly cache_s: string;
}

interface Props {
  readonly path: IntegrationPath;
  readonly endpoint?: EndpointState;
  readonly onClose: () => void;
}

export function EndpointForm({ path, endpoint, onClose }: Props) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm<Values>({ defaultValues: valuesOf(endpoint) });
  const options = { refreshes: [READ_ENDPOINTS], isQuiet: true, onDone: onClose } as const;
  const add = useChange("POST /admin/clients/{client_id}/integrations/{integration_id}/endpoints", options);
  const change = useChange("PUT /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}", options);
  const error = add.error ?? change.error;
  const faults = error instanceof ApiProblem ? error.fields : {};
  const save = (values: Values): void => {
    const body = bodyOf(values);
    if (endpoint) change.mutate({ path: { ...path, name: endpoint.name }, tag: `"${endpoint.revision}"`, body });
    else add.mutate({ path, body: { ...body, name: values.name } });
  };
  const errorOf = (name: keyof Values): string | undefined => formState.errors[name]?.message ?? faults[name];
  const required = { required: t.schemaForm.required };
  const json = { validate: (text: string) => isJsonObject(text) || t.schemaForm.jsonInvalid };
  return (
    <Dialog title={endpoint ? t.integrations.endpointEdit(endpoint.name) : t.integrations.endpointAdd} isOpen isWide onClose={onClose}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(save)(event)}>
        {error && <div role="alert"><Notice tone="bad"><Reason error={error} /></Notice></div>}
        {!endpoint && <TextField label={t.integrations.endpointName} hint={t.integrations.endpointNameHint} dir="ltr" isRequired error={errorOf("name")} {...register("name", required)} />}
        <TextArea label={t.integrations.description} hint={t.integrations.descriptionHint} dir="auto" isRequired error={errorOf("description")} {...register("description", required)} />
        <div className="grid gap-4 sm:grid-cols-[8rem_1fr]">
          <SelectField label={t.integrations.method} choices={METHODS.map((method) => ({ value: method, label: method }))} error={errorOf("method")} {...register("method")} />
          <TextField label={t.integrations.url} hint={t.integrations.urlHint} dir="ltr" error={errorOf("url")} {...register("url")} />
        </div>
        <TextArea label={t.integrations.parameters} dir="ltr" rows={6} spellCheck={false} className="font-mono text-xs" error={errorOf("parameters_schema")} {...register("parameters_schema", json)} />
        <TextArea label={t.integrations.request} hint={t.integrations.requestHint} dir="ltr" rows={3} spellCheck={false} className="font-mono text-xs" error={errorOf("request")} {...register("request", json)} />
        <Checkbox label={t.integrations.isPrivate} {...register("is_private")} />
        <TextField label={t.integrations.visitorParameters} hint={t.integrations.visitorParametersHint} dir="ltr" error={errorOf("visitor_parameters")} {...register("visitor_parameters")} />
        <TextField label={t.integrations.cache} inputMode="numeric" dir="ltr" error={errorOf("cache_s")} {...register("cache_s", { validate: (text) => /^\d*$/.test(text) || t.schemaForm.numberInvalid })} />
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={add.isPending || change.isPending}>{t.common.save}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

function valuesOf(endpoint: EndpointState | undefined): Values {
  return {
    name: endpoint?.name ?? "",
    description: endpoint?.description ?? "",
    method: endpoint?.method ?? "GET",
    url: endpoint?.url ?? "",
    parameters_schema: JSON.stringify(endpoint?.parameters_schema ?? { type: "object", properties: {} }, null, 2),
    request: JSON.stringify(endpoint?.request ?? {}, null, 2),
    is_private: endpoint?.is_private ?? false,
    visitor_parameters: endpoint?.visitor_parameters.join(", ") ?? "",
    cache_s: String(endpoint?.cache_s ?? 0),
  };
}

function bodyOf({ name: _, ...values }: Values) {
  return {
    ...values,
    parameters_schema: JSON.parse(values.parameters_schema) as { readonly [name: string]: Json },
    request: JSON.parse(values.request) as { readonly [name: string]: Json },
    visitor_parameters: values.visitor_parameters.split(",").map((each) => each.trim()).filter(Boolean),
    cache_s: Number(values.cache_s),
  };
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
