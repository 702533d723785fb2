/** One plan: what it costs, and which models it offers and allows. */

import { useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { PlanItem, PlanPriceState } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Refused, Shown } from "../ui/states.tsx";
import { Card, Facts } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { PlanModels } from "./plan-models.tsx";
import { Limits, READ_PLANS } from "./plans.tsx";

const READ_PRICE = "GET /admin/plans/{plan}/price";
const AMOUNT = /^\d+([.]\d+)?$/;

export function Component() {
  const t = useMessages();
  const { plan = "" } = useParams();
  const price = useReadTagged(READ_PRICE, { path: { plan } });
  const plans = useRead(READ_PLANS, {});
  return (
    <Page title={t.plans.of(plan)} lead={t.plans.planLead}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Shown read={price} after={[plans]}>
          {(state) => (
            <div className="grid gap-4">
              <Summary plan={plans.data?.plans.find((each) => each.plan === plan)} />
              <Card title={t.plans.price} hint={t.plans.priceLead}><PriceForm key={state.drawn} state={state} /></Card>
            </div>
          )}
        </Shown>
        <PlanModels plan={plan} />
      </div>
    </Page>
  );
}

function Summary({ plan }: { readonly plan: PlanItem | undefined }) {
  const t = useMessages();
  const formats = useFormats();
  if (plan === undefined) return null;
  return (
    <Card title={t.common.details}>
      <Facts facts={[[t.common.name, <bdi>{plan.title}</bdi>], [t.clients.title, formats.number(plan.clients)], [t.plans.limits, <Limits limits={plan.limits} />]]} />
    </Card>
  );
}

function PriceForm({ state: { data, tag } }: { readonly state: Tagged<PlanPriceState> }) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const { register, handleSubmit, watch, formState: { errors } } = useStoredForm(tag, { base: shortened(data.base), currency: data.currency, usage_rate: shortened(data.usage_rate) });
  const change = useChange("PUT /admin/plans/{plan}/price", { refreshes: [READ_PRICE, READ_PLANS], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const currency = watch("currency").trim().toUpperCase();
  const isAmount = { validate: (text: string) => AMOUNT.test(text.trim()) || t.plans.amountInvalid };
  const save = handleSubmit(({ base, usage_rate }) => change.mutate({ path: { plan: data.plan }, tag, body: { base: base.trim(), currency, usage_rate: usage_rate.trim() } }));
  return (
    <form noValidate className="grid gap-4" onSubmit={(event) => void save(event)}>
      <Refused error={change.error} />
      <fieldset disabled={!mayChange} className="grid gap-4 sm:grid-cols-2">
        <TextField label={t.plans.base} hint={t.plans.baseHint} inputMode="decimal" dir="ltr" isRequired error={errors.base?.message} {...register("base", isAmount)} />
        <TextField label={t.plans.currency} hint={t.plans.currencyHint} dir="ltr" maxLength={3} isRequired error={errors.currency?.message} {...register("currency", { validate: (text) => /^[A-Za-z]{3}$/.test(text.trim()) || t.plans.currencyInvalid })} />
        <div className="sm:col-span-2"><TextField label={t.plans.usageRate} hint={t.plans.usageRateHint(currency)} inputMode="decimal" dir="ltr" isRequired error={errors.usage_rate?.message} {...register("usage_rate", isAmount)} /></div>
      </fieldset>
      {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
    </form>
  );
}

/** 49.000000 as somebody would write it. */
function shortened(amount: string): string {
  return amount.includes(".") ? amount.replace(/0+$/, "").replace(/[.]$/, "") : amount;
}
