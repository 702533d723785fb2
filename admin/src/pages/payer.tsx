/** Who pays for a client: its gateway, and what it saved there. */

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { PayerState } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Refused, Shown } from "../ui/states.tsx";
import { Card, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";

const READ = "GET /admin/clients/{client_id}/payer";

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const read = useReadTagged(READ, { path: { client_id: clientId } });
  return (
    <Page title={t.payer.title} lead={t.payer.lead}>
      <Card>
        <Shown read={read} rows={3}>{(state) => <PayerForm key={state.drawn} clientId={clientId} state={state} />}</Shown>
      </Card>
    </Page>
  );
}

function PayerForm({ clientId, state: { data, tag } }: { readonly clientId: string; readonly state: Tagged<PayerState> }) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const { gateway, customer, method } = data;
  const { register, handleSubmit, watch, formState: { errors } } = useStoredForm(tag, { gateway, customer, method });
  const change = useChange("PUT /admin/clients/{client_id}/payer", { refreshes: [READ], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  const [chosen, named] = watch(["gateway", "customer"]);
  const names = [...new Set([...(gateway ? [gateway] : []), ...data.gateways])];
  const isMethodUseful = (text: string) => text.trim() === "" || named.trim() !== "" || t.payer.customerMissing;
  const save = handleSubmit((values) => change.mutate({ path: { client_id: clientId }, tag, body: chosen === "" ? {} : { gateway: chosen, customer: values.customer.trim(), method: values.method.trim() } }));
  return (
    <form noValidate className="grid max-w-xl gap-4" onSubmit={(event) => void save(event)}>
      <Refused error={change.error} />
      {names.length === 0 && <Notice tone="plain">{t.payer.noGateway}</Notice>}
      <fieldset disabled={!mayChange} className="grid gap-4">
        <SelectField label={t.invoices.gateway} hint={t.payer.gatewayHint} choices={[{ value: "", label: t.payer.nobody }, ...names.map((value) => ({ value, label: value }))]} error={faults["gateway"]} {...register("gateway")} />
        {chosen !== "" && (
          <>
            <TextField label={t.payer.customer} hint={t.payer.customerHint} dir="ltr" autoComplete="off" maxLength={255} error={faults["customer"]} {...register("customer")} />
            <TextField label={t.payer.method} hint={t.payer.methodHint} dir="ltr" autoComplete="off" maxLength={255} error={errors.method?.message ?? faults["method"]} {...register("method", { validate: isMethodUseful })} />
          </>
        )}
      </fieldset>
      {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
    </form>
  );
}
