/** A client's settings: its name and origins, what its assistant is told, and how long words are kept. */

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange } from "../api/query.ts";
import type { ClientProfile } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useFormats, useMessages } from "../language.tsx";
import { linesOf } from "../lines.ts";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { SelectField, TextArea, TextField } from "../ui/field.tsx";
import { useReason } from "../ui/states.tsx";
import { Card, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { READ_CLIENT } from "./client.tsx";

const TEXTS = ["provider", "model", "prompt", "tone"] as const;
const NUMBERS = ["message_days", "tool_log_days", "client_rate", "visitor_rate"] as const;
const SWITCHES = ["response_cache", "compression"] as const;

export function ClientSettingsForm({ state: { data, tag }, path }: { readonly state: Tagged<ClientProfile>; readonly path: { readonly client_id: string } }) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const { defaults } = data;
  const { register, handleSubmit, formState } = useStoredForm(tag, valuesOf(data));
  const change = useChange("PATCH /admin/clients/{client_id}", { refreshes: [READ_CLIENT, "GET /admin/clients"], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  const save = (values: Values): void => {
    const touched = formState.dirtyFields;
    const changed = [...TEXTS, ...NUMBERS, ...SWITCHES].filter((name) => touched[name]);
    change.mutate({
      path,
      tag,
      body: {
        ...(touched.name && { name: values.name }),
        ...(touched.domain && { domain: values.domain.trim() || null }),
        ...(touched.origins && { origins: linesOf(values.origins) }),
        settings: Object.fromEntries(changed.map((name) => [name, settingOf(name, values[name])])),
      },
    });
  };
  const numbers = {
    message_days: [t.clients.messageDays, (value: number) => t.common.days(value)],
    tool_log_days: [t.clients.toolLogDays, (value: number) => t.common.days(value)],
    client_rate: [t.clients.clientRate, formats.number],
    visitor_rate: [t.clients.visitorRate, formats.number],
  } as const;
  const isWhole = { validate: (text: string) => /^\d*$/.test(text) || t.schemaForm.numberInvalid };
  const hintOf = (name: (typeof NUMBERS)[number]): string | undefined => {
    const value = defaults[name];
    return value === null ? undefined : t.clients.defaultIs(numbers[name][1](value));
  };
  const switches = (isOn: boolean | null) => [{ value: "", label: `${t.clients.asInstallation}: ${isOn ? t.common.on : t.common.off}` }, { value: "true", label: t.common.on }, { value: "false", label: t.common.off }];
  return (
    <Card title={t.clients.settings}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(save)(event)}>
        {change.error && <div role="alert"><Notice tone="bad"><Reason error={change.error} /></Notice></div>}
        <fieldset disabled={!mayChange} className="contents">
          <TextField label={t.clients.name} dir="auto" isRequired error={formState.errors.name?.message ?? faults["name"]} {...register("name", { required: t.schemaForm.required })} />
          <TextField label={t.clients.domain} dir="ltr" error={faults["domain"]} {...register("domain")} />
          <TextArea label={t.clients.origins} hint={t.clients.originsHint} dir="ltr" error={faults["origins"]} {...register("origins")} />
          <TextArea label={t.clients.prompt} dir="auto" rows={6} error={faults["prompt"]} {...register("prompt")} />
          <TextField label={t.clients.tone} dir="auto" error={faults["tone"]} {...register("tone")} />
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField label={t.clients.provider} hint={defaults.provider ? t.clients.defaultIs(defaults.provider) : undefined} dir="ltr" {...register("provider")} />
            <TextField label={t.clients.model} dir="ltr" {...register("model")} />
            {NUMBERS.map((name) => (
              <TextField key={name} label={numbers[name][0]} hint={hintOf(name)} inputMode="numeric" dir="ltr" error={formState.errors[name]?.message ?? faults[name]} {...register(name, isWhole)} />
            ))}
            <SelectField label={t.clients.responseCache} choices={switches(defaults.response_cache)} {...register("response_cache")} />
            <SelectField label={t.clients.compression} choices={switches(defaults.compression)} {...register("compression")} />
          </div>
        </fieldset>
        {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
      </form>
    </Card>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

type Values = ReturnType<typeof valuesOf>;

function valuesOf({ name, domain, origins, settings }: ClientProfile) {
  const text = (value: string | number | boolean | null): string => (value === null ? "" : String(value));
  return {
    name,
    domain,
    origins: origins.join("\n"),
    provider: text(settings.provider),
    model: text(settings.model),
    prompt: text(settings.prompt),
    tone: text(settings.tone),
    message_days: text(settings.message_days),
    tool_log_days: text(settings.tool_log_days),
    client_rate: text(settings.client_rate),
    visitor_rate: text(settings.visitor_rate),
    response_cache: text(settings.response_cache),
    compression: text(settings.compression),
  };
}

function settingOf(name: keyof ClientProfile["settings"], text: string): string | number | boolean | null {
  if (text.trim() === "") return null;
  if (NUMBERS.some((each) => each === name)) return Number(text);
  return SWITCHES.some((each) => each === name) ? text === "true" : text;
}
