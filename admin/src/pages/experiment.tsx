/** One experiment: its ways, and what became of the conversations of each. */

import { Pencil, Play, Square } from "lucide-react";
import { useState } from "react";
import { useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { ArmResult, Comparison, ExperimentState, Estimate } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, LeftToRight, Mono } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { ExperimentForm } from "./experiment-form.tsx";
import { EXPERIMENT_TONES, READ_EXPERIMENTS } from "./experiments.tsx";

const READ = "GET /admin/clients/{client_id}/experiments/{experiment_id}";
const READ_RESULTS = "GET /admin/clients/{client_id}/experiments/{experiment_id}/results";

interface Path {
  readonly client_id: string;
  readonly experiment_id: string;
}

export function Component() {
  const t = useMessages();
  const mayChange = useMay();
  const { experimentId = "" } = useParams();
  const path = { client_id: useClientId(), experiment_id: experimentId };
  const read = useReadTagged(READ, { path });
  return (
    <Page title={read.data?.data.name ?? t.experiments.title} actions={read.data && mayChange && <ExperimentActions state={read.data} path={path} />}>
      <Shown read={read}>
        {({ data }) => (
          <>
            <Ways experiment={data} />
            {data.status !== "draft" && <Results path={path} />}
          </>
        )}
      </Shown>
    </Page>
  );
}

function ExperimentActions({ state, path }: { readonly state: Tagged<ExperimentState>; readonly path: Path }) {
  const t = useMessages();
  const [asked, setAsked] = useState<"edit" | "start" | "stop">();
  const close = () => setAsked(undefined);
  const options = { refreshes: [READ, READ_RESULTS, READ_EXPERIMENTS], onDone: close } as const;
  const start = useChange("POST /admin/clients/{client_id}/experiments/{experiment_id}/start", options);
  const stop = useChange("POST /admin/clients/{client_id}/experiments/{experiment_id}/stop", options);
  const { status } = state.data;
  return (
    <>
      {status === "draft" && <Button icon={Pencil} onClick={() => setAsked("edit")}>{t.common.edit}</Button>}
      {status === "draft" && <Button icon={Play} look="primary" onClick={() => setAsked("start")}>{t.experiments.start}</Button>}
      {status === "running" && <Button icon={Square} look="danger" onClick={() => setAsked("stop")}>{t.experiments.stop}</Button>}
      {asked === "edit" && <ExperimentForm clientId={path.client_id} state={state} onClose={close} />}
      <Confirm title={t.experiments.startAsk} description={t.experiments.startLead} action={t.experiments.start} isOpen={asked === "start"} isBusy={start.isPending} onClose={close} onConfirm={() => start.mutate({ path, tag: state.tag })} />
      <Confirm title={t.experiments.stopAsk} description={t.experiments.stopLead} action={t.experiments.stop} isOpen={asked === "stop"} isBusy={stop.isPending} onClose={close} onConfirm={() => stop.mutate({ path, tag: state.tag })} />
    </>
  );
}

function Ways({ experiment }: { readonly experiment: ExperimentState }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <div className="grid items-start gap-4 lg:grid-cols-3">
      <Card title={t.common.details}>
        <Facts
          facts={[
            [t.common.status, <Badge tone={EXPERIMENT_TONES[experiment.status]}>{t.experiments.statuses[experiment.status]}</Badge>],
            [t.common.created, formats.dateTime(experiment.created_at)],
            [t.experiments.started, experiment.started_at && formats.dateTime(experiment.started_at)],
            [t.experiments.stopped, experiment.stopped_at && formats.dateTime(experiment.stopped_at)],
          ]}
        />
      </Card>
      {experiment.arms.map((arm, index) => (
        <Card key={arm.name} title={`${t.experiments.arm(index + 1)}: ${arm.name}`}>
          <Facts
            facts={[
              [t.experiments.weight, arm.weight ?? 1],
              [t.experiments.chain, (arm.chain ?? []).length > 0 && <Mono>{arm.chain?.join(", ")}</Mono>],
              [t.experiments.temperature, arm.temperature ?? null],
              [t.experiments.prompt, arm.prompt],
            ]}
          />
        </Card>
      ))}
    </div>
  );
}

function Results({ path }: { readonly path: Path }) {
  const t = useMessages();
  const read = useRead(READ_RESULTS, { path });
  const arms = useArmColumns();
  const comparisons = useComparisonColumns();
  return (
    <Shown read={read}>
      {(results) => (
        <>
          <Card title={t.experiments.results} hint={results.statement} isFlush>
            <Table label={t.experiments.results} columns={arms} rows={results.arms} keyOf={({ name }) => name} empty={null} />
          </Card>
          <Card title={t.experiments.comparisons} isFlush>
            <Table label={t.experiments.comparisons} columns={comparisons} rows={results.comparisons} keyOf={({ arm, measure }) => `${arm}-${measure}`} empty={null} />
          </Card>
        </>
      )}
    </Shown>
  );
}

function useArmColumns(): readonly Column<ArmResult>[] {
  const t = useMessages();
  const formats = useFormats();
  const within = useWithin();
  const time = (ms: number | null): string => (ms === null ? "–" : formats.duration(ms));
  return [
    { id: "arm", title: t.common.name, isPrimary: true, cell: ({ name }) => <bdi>{name}</bdi> },
    { id: "conversations", title: t.experiments.conversations, isNumber: true, cell: ({ conversations }) => formats.number(conversations) },
    { id: "completed", title: t.experiments.completed, isNumber: true, cell: ({ completed }) => within(completed, formats.percent) },
    { id: "failed", title: t.experiments.failed, isNumber: true, cell: ({ failed }) => within(failed, formats.percent) },
    { id: "handed", title: t.experiments.handedOff, isNumber: true, cell: ({ handed_off }) => within(handed_off, formats.percent) },
    { id: "cost", title: t.experiments.cost, isNumber: true, cell: ({ cost_per_conversation }) => within(cost_per_conversation, (value) => formats.money(value)) },
    { id: "latency", title: t.experiments.latency, isNumber: true, cell: ({ latency_p50_ms, latency_p95_ms }) => <LeftToRight>{time(latency_p50_ms)} / {time(latency_p95_ms)}</LeftToRight> },
    { id: "rating", title: t.experiments.rating, isNumber: true, cell: ({ rating }) => within(rating, formats.number) },
  ];
}

const VERDICT_TONES = { too_few: "plain", no_difference_shown: "plain", lower: "accent", higher: "accent" } as const;

function useComparisonColumns(): readonly Column<Comparison>[] {
  const t = useMessages();
  const formats = useFormats();
  const within = useWithin();
  return [
    { id: "way", title: t.common.name, isPrimary: true, cell: ({ arm }) => <bdi>{arm}</bdi> },
    { id: "measure", title: t.common.details, cell: ({ measure }) => t.experiments.measures[measure] },
    { id: "verdict", title: t.experiments.results, cell: ({ verdict }) => <Badge tone={VERDICT_TONES[verdict]}>{t.experiments.verdicts[verdict]}</Badge> },
    { id: "difference", title: "±", isNumber: true, cell: ({ difference }) => within(difference, (value) => formats.number(Math.round(value * 1000) / 1000)) },
  ];
}

/** A value with where it lies in 95 of 100 such experiments. */
function useWithin(): (estimate: Estimate, format: (value: number) => string) => string {
  const t = useMessages();
  return ({ value, low, high }, format) => {
    if (value === null) return "–";
    return low === null || high === null ? format(value) : `${format(value)} (${t.experiments.between(format(low), format(high))})`;
  };
}
