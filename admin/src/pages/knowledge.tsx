/** The embeddings of a client's knowledge. */

import { RotateCw } from "lucide-react";

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { ClientEmbeddings, GivenUpPassage } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Figure, Figures, Mono, Notice } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";

const READ = "GET /admin/clients/{client_id}/embeddings";

interface Props {
  readonly state: Tagged<ClientEmbeddings>;
  readonly path: { readonly client_id: string };
}

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const read = useReadTagged(READ, { path });
  return (
    <Page title={t.knowledge.title} lead={t.knowledge.lead}>
      <Shown read={read}>
        {(state) => (
          <>
            <Progress state={state} path={path} />
            <Settings key={state.drawn} state={state} path={path} />
          </>
        )}
      </Shown>
    </Page>
  );
}

function Progress({ state: { data }, path }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const again = useChange("POST /admin/clients/{client_id}/embeddings/again", { refreshes: [READ], onDone: () => toasts.say(t.knowledge.begun) });
  return (
    <>
      {data.error && <Notice tone="bad" title={t.knowledge.error}>{labelOf(t.knowledge.errors, data.error)}. {data.retry_at && t.knowledge.retryAt(formats.ago(data.retry_at))}</Notice>}
      <Figures>
        <Figure label={t.knowledge.passages} value={formats.number(data.passages)} />
        <Figure label={t.knowledge.embedded} value={formats.number(data.embedded)} />
        <Figure label={t.knowledge.givenUp} value={formats.number(data.given_up)} />
        <Figure label={t.knowledge.progress} value={<Badge tone={data.is_complete ? "good" : "accent"}>{data.is_complete ? t.knowledge.complete : t.knowledge.working}</Badge>} />
      </Figures>
      <Card title={t.common.details}>
        <Facts
          facts={[
            [t.knowledge.using, data.using === null ? t.knowledge.words : <Mono>{data.using}</Mono>],
            [t.knowledge.source, t.knowledge.sources[data.source]],
            ...(data.reason === null ? [] : ([[t.knowledge.reason, data.reason]] as const)),
          ]}
        />
      </Card>
      {data.latest_given_up.length > 0 && (
        <Card
          title={t.knowledge.latestGivenUp}
          isFlush
          actions={mayChange && <Button icon={RotateCw} isBusy={again.isPending} onClick={() => again.mutate({ path })}>{t.knowledge.again}</Button>}
        >
          <GivenUp passages={data.latest_given_up} />
        </Card>
      )}
    </>
  );
}

function GivenUp({ passages }: { readonly passages: readonly GivenUpPassage[] }) {
  const t = useMessages();
  const formats = useFormats();
  const columns: readonly Column<GivenUpPassage>[] = [
    { id: "title", title: t.knowledge.passage, isPrimary: true, cell: ({ title }) => <bdi>{title}</bdi> },
    { id: "error", title: t.common.status, cell: ({ error }) => labelOf(t.knowledge.errors, error) },
    { id: "tries", title: t.knowledge.tries, isNumber: true, cell: ({ tries }) => formats.number(tries) },
    { id: "at", title: t.common.when, cell: ({ tried_at }) => formats.ago(tried_at) },
  ];
  return <Table label={t.knowledge.latestGivenUp} columns={columns} rows={passages} keyOf={({ id }) => id} empty={null} />;
}

function Settings({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const isOwn = data.source === "client";
  const { register, handleSubmit, formState } = useStoredForm(tag, {
    model: data.model ?? "",
    dimensions: data.dimensions === null ? "" : String(data.dimensions),
    min_similarity: isOwn && data.min_similarity !== null ? String(data.min_similarity) : "",
  });
  const change = useChange("PUT /admin/clients/{client_id}/embeddings", { refreshes: [READ], onDone: () => toasts.say(t.common.saved) });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  const number = (text: string): number | null => (text.trim() === "" ? null : Number(text));
  const isNumber = { validate: (text: string) => Number.isFinite(number(text) ?? 0) || t.schemaForm.numberInvalid };
  return (
    <Card title={t.knowledge.settings}>
      <form
        noValidate
        className="grid max-w-2xl gap-4"
        onSubmit={(event) =>
          void handleSubmit(({ model, dimensions, min_similarity }) =>
            change.mutate({ path, tag, body: { model: model.trim() || null, dimensions: number(dimensions), min_similarity: number(min_similarity) } }),
          )(event)
        }
      >
        <TextField label={t.knowledge.model} hint={t.knowledge.modelHint} dir="ltr" disabled={!mayChange} error={faults["model"]} {...register("model")} />
        <TextField label={t.knowledge.dimensions} hint={t.knowledge.dimensionsHint} inputMode="numeric" dir="ltr" disabled={!mayChange} error={formState.errors.dimensions?.message ?? faults["dimensions"]} {...register("dimensions", isNumber)} />
        <TextField label={t.knowledge.similarity} hint={t.knowledge.similarityHint} inputMode="decimal" dir="ltr" disabled={!mayChange} error={formState.errors.min_similarity?.message ?? faults["min_similarity"]} {...register("min_similarity", isNumber)} />
        {mayChange && <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>}
      </form>
    </Card>
  );
}
