/** What runs by itself. */

import { Play, RotateCw } from "lucide-react";

import { useChange, useRead } from "../api/query.ts";
import type { JobQueue, JobRunState, JobState, JobWorker } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Mono } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";

const READ = "GET /admin/jobs";
const EVERY_MS = 10_000;

export function Component() {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const read = useRead(READ, {}, { every: EVERY_MS });
  const retry = useChange("POST /admin/jobs/deliveries/retry", { refreshes: [READ], onDone: () => toasts.say(t.jobs.retried) });
  const jobs = useJobColumns();
  const workers = useWorkerColumns();
  const queues = useQueueColumns();
  return (
    <Page title={t.jobs.title} lead={t.jobs.lead} actions={mayChange && <Button icon={RotateCw} isBusy={retry.isPending} onClick={() => retry.mutate({ body: {} })}>{t.jobs.retry}</Button>}>
      <Shown read={read}>
        {(data) => (
          <>
            <Card title={t.jobs.title} isFlush><Table label={t.jobs.title} columns={jobs} rows={data.jobs} keyOf={({ name }) => name} empty={<Empty title={t.jobs.empty} />} /></Card>
            <Card title={t.jobs.workers} isFlush><Table label={t.jobs.workers} columns={workers} rows={data.workers} keyOf={({ id }) => id} empty={<Empty title={t.common.none} />} /></Card>
            <Card title={t.jobs.queues} isFlush><Table label={t.jobs.queues} columns={queues} rows={data.queues} keyOf={({ name }) => name} empty={<Empty title={t.common.none} />} /></Card>
          </>
        )}
      </Shown>
    </Page>
  );
}

function useQueueColumns(): readonly Column<JobQueue>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "queue", title: t.common.name, isPrimary: true, cell: ({ name }) => t.jobs.queueNames[name] },
    { id: "waiting", title: t.jobs.waiting, isNumber: true, cell: ({ waiting }) => formats.number(waiting) },
    { id: "due", title: t.jobs.due, isNumber: true, cell: ({ due }) => formats.number(due) },
    { id: "failed", title: t.jobs.failed, isNumber: true, cell: ({ failed }) => (failed > 0 ? <Badge tone="bad">{formats.number(failed)}</Badge> : formats.number(failed)) },
  ];
}

function useJobColumns(): readonly Column<JobState>[] {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const run = useChange("POST /admin/jobs/{job}/run", { refreshes: [READ], onDone: (_, { path }) => toasts.say(t.jobs.begun(labelOf(t.jobs.names, path.job))) });
  const start = ({ name }: JobState) => <Button icon={Play} isBusy={run.isPending} onClick={() => run.mutate({ path: { job: name } })}>{t.jobs.run}</Button>;
  return [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => labelOf(t.jobs.names, name), sort: ({ name }) => labelOf(t.jobs.names, name) },
    { id: "every", title: t.jobs.every, cell: ({ every_s }) => formats.duration(every_s * 1000), sort: ({ every_s }) => every_s },
    { id: "last", title: t.jobs.last, cell: ({ runs }) => (runs[0] ? <LastRun run={runs[0]} /> : t.jobs.never) },
    { id: "next", title: t.jobs.next, cell: ({ next_at }) => formats.ago(next_at) },
    ...(mayChange ? [{ id: "run", title: "", cell: start }] : []),
  ];
}

function useWorkerColumns(): readonly Column<JobWorker>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "id", title: t.common.name, isPrimary: true, cell: ({ id }) => <Mono>{id}</Mono> },
    { id: "kind", title: t.clients.kind, cell: ({ kind }) => t.jobs.kinds[kind] },
    { id: "alive", title: t.common.status, cell: ({ is_alive }) => <Badge tone={is_alive ? "good" : "bad"}>{is_alive ? t.jobs.alive : t.jobs.gone}</Badge> },
    { id: "since", title: t.jobs.started, cell: ({ started_at }) => formats.ago(started_at) },
  ];
}

const RUN_TONES = { asked: "accent", running: "accent", succeeded: "good", failed: "bad" } as const;

function LastRun({ run }: { readonly run: JobRunState }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <span className="grid justify-items-start gap-1">
      <span className="inline-flex items-center gap-2"><Badge tone={RUN_TONES[run.status]}>{t.jobs.statuses[run.status]}</Badge> {formats.ago(run.began_at)}</span>
      {run.failures.map((failure, index) => <bdi key={index} className="text-xs text-bad">{failure.cause}</bdi>)}
    </span>
  );
}
