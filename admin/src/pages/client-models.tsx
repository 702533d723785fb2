/** Which models answer a client, what would be cheaper, and what another threshold would do. */

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { AnsweringModel, CheaperModel, ClientProviders, Recommendation } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useFormats, useMessages } from "../language.tsx";
import { linesOf } from "../lines.ts";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { Checkbox, TextArea, TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, type Reading, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Mono } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { Replay } from "./client-models-replay.tsx";

const READ = "GET /admin/clients/{client_id}/providers";

interface Path {
  readonly client_id: string;
}

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const read = useReadTagged(READ, { path });
  const cheaper = useRead("GET /admin/clients/{client_id}/providers/cheaper", { path, query: { days: 30 } });
  return (
    <Page title={t.models.clientTitle} lead={t.models.clientLead}>
      <Shown read={read} after={[cheaper]}>
        {(state) => (
          <>
            <div className="grid items-start gap-4 lg:grid-cols-2">
              <InUse providers={state.data} />
              <Choice key={state.drawn} state={state} path={path} />
            </div>
            <Cheaper read={cheaper} />
            {state.data.routing && <Replay path={path} threshold={state.data.threshold} />}
          </>
        )}
      </Shown>
    </Page>
  );
}

function InUse({ providers }: { readonly providers: ClientProviders }) {
  const t = useMessages();
  return (
    <Card title={t.models.answering}>
      <div className="grid gap-4">
        <p><Badge>{t.models.sourceOf[providers.source]}</Badge> {t.models.plan}: {providers.plan.name}</p>
        <Models models={providers.answering} />
        {providers.answering_simple.length > 0 && (
          <>
            <h3 className="font-semibold">{t.models.answeringSimple}</h3>
            <Models models={providers.answering_simple} />
          </>
        )}
        {providers.left_out.length > 0 && (
          <>
            <h3 className="font-semibold">{t.models.leftOut}</h3>
            <Facts facts={providers.left_out.map(({ model, reason }) => [model, reason] as const)} />
          </>
        )}
      </div>
    </Card>
  );
}

function Models({ models }: { readonly models: readonly AnsweringModel[] }) {
  const t = useMessages();
  return (
    <ol className="grid list-decimal gap-1 ps-5">
      {models.map(({ provider, model, uses_own_account }) => (
        <li key={`${provider}/${model}`}><Mono>{provider}/{model}</Mono> {uses_own_account && <Badge tone="accent">{t.models.ownAccount}</Badge>}</li>
      ))}
    </ol>
  );
}

function Choice({ state: { data, tag }, path }: { readonly state: Tagged<ClientProviders>; readonly path: Path }) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const { register, handleSubmit, watch, formState } = useStoredForm(tag, {
    chain: data.chain.join("\n"),
    hasRouting: data.routing !== null,
    simple: (data.routing?.simple ?? []).join("\n"),
    threshold: String(data.routing?.threshold ?? data.threshold),
  });
  const change = useChange("PUT /admin/clients/{client_id}/providers", { refreshes: [READ], onDone: () => toasts.say(t.common.saved) });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  const isThreshold = (text: string): true | string => (/^\d+$/.test(text) && Number(text) <= 100) || t.schemaForm.numberInvalid;
  return (
    <Card title={t.models.chain}>
      <form
        noValidate
        className="grid gap-4"
        onSubmit={(event) =>
          void handleSubmit(({ chain, hasRouting, simple, threshold }) =>
            change.mutate({ path, tag, body: { chain: linesOf(chain), routing: hasRouting ? { simple: linesOf(simple), threshold: Number(threshold) } : null } }),
          )(event)
        }
      >
        <fieldset disabled={!mayChange} className="contents">
          <TextArea label={t.models.chain} hint={t.models.chainHint} dir="ltr" error={faults["chain"]} {...register("chain")} />
          <Checkbox label={t.models.ownRouting} {...register("hasRouting")} />
          {watch("hasRouting") && (
            <>
              <TextArea label={t.models.simple} hint={t.models.simpleHint} dir="ltr" {...register("simple")} />
              <TextField label={t.models.threshold} hint={t.models.thresholdHint} inputMode="numeric" dir="ltr" error={formState.errors.threshold?.message} {...register("threshold", { validate: isThreshold })} />
            </>
          )}
        </fieldset>
        {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
      </form>
    </Card>
  );
}

function Cheaper({ read }: { readonly read: Reading<Recommendation> }) {
  const t = useMessages();
  const formats = useFormats();
  const columns: readonly Column<CheaperModel>[] = [
    { id: "model", title: t.models.model, isPrimary: true, cell: ({ provider, model }) => <Mono>{provider}/{model}</Mono> },
    { id: "cost", title: t.usage.cost, isNumber: true, cell: ({ cost }) => formats.money(cost) },
    { id: "saving", title: t.models.saving, isNumber: true, cell: ({ saving_per_month }) => formats.money(saving_per_month) },
    { id: "share", title: t.models.share, isNumber: true, cell: ({ saving_share }) => formats.percent(saving_share) },
    { id: "setup", title: t.models.setUp, cell: ({ is_set_up }) => (is_set_up ? t.common.yes : t.common.no) },
  ];
  return (
    <Card title={t.models.cheaper} hint={t.models.cheaperLead} isFlush>
      <Shown read={read}>
        {({ cheaper, statement }) => <Table label={t.models.cheaper} columns={columns} rows={cheaper} keyOf={({ provider, model }) => `${provider}/${model}`} empty={<Empty title={t.models.cheaperEmpty}>{statement}</Empty>} />}
      </Shown>
    </Card>
  );
}
