/** Which models a plan offers its clients, and which it allows them. */

import type { Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { PlanProvidersState } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useMessages } from "../language.tsx";
import { linesOf } from "../lines.ts";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { Checkbox, TextArea, TextField } from "../ui/field.tsx";
import { Refused, Shown } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";

const READ = "GET /admin/plans/{plan}/providers";

export function PlanModels({ plan }: { readonly plan: string }) {
  const t = useMessages();
  const read = useReadTagged(READ, { path: { plan } });
  return (
    <Card title={t.plans.models} hint={t.plans.modelsLead}>
      <Shown read={read} rows={5}>{(state) => <ModelsForm key={state.drawn} state={state} />}</Shown>
    </Card>
  );
}

function ModelsForm({ state: { data, tag } }: { readonly state: Tagged<PlanProvidersState> }) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const { register, handleSubmit, formState: { errors } } = useStoredForm(tag, {
    chain: data.chain.join("\n"),
    models: (data.models ?? []).join("\n"),
    may_choose: data.may_choose,
    simple: data.simple.join("\n"),
    threshold: String(data.threshold),
  });
  const change = useChange("PUT /admin/plans/{plan}/providers", { refreshes: [READ], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const isThreshold = (text: string): true | string => (/^\d+$/.test(text) && Number(text) <= 100) || t.schemaForm.numberInvalid;
  const save = handleSubmit(({ chain, models, may_choose, simple, threshold }) => {
    const allowed = linesOf(models);
    change.mutate({ path: { plan: data.name }, tag, body: { chain: linesOf(chain), models: allowed.length > 0 ? allowed : null, may_choose, simple: linesOf(simple), threshold: Number(threshold) } });
  });
  return (
    <form noValidate className="grid gap-4" onSubmit={(event) => void save(event)}>
      <Refused error={change.error} />
      <fieldset disabled={!mayChange} className="grid gap-4">
        <TextArea label={t.models.chain} hint={t.plans.chainHint} dir="ltr" {...register("chain")} />
        <TextArea label={t.plans.allowed} hint={t.plans.allowedHint} dir="ltr" {...register("models")} />
        <Checkbox label={t.plans.mayChoose} {...register("may_choose")} />
        <TextArea label={t.models.simple} hint={t.models.simpleHint} dir="ltr" {...register("simple")} />
        <TextField label={t.models.threshold} hint={t.models.thresholdHint} inputMode="numeric" dir="ltr" error={errors.threshold?.message} {...register("threshold", { validate: isThreshold })} />
      </fieldset>
      {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
    </form>
  );
}
