/** A client's experiments. */

import { Plus } from "lucide-react";
import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { ExperimentState } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { ExperimentForm } from "./experiment-form.tsx";

export const READ_EXPERIMENTS = "GET /admin/clients/{client_id}/experiments";
export const EXPERIMENT_TONES: Readonly<Record<ExperimentState["status"], Tone>> = { draft: "plain", running: "good", stopped: "plain" };

export function Component() {
  const t = useMessages();
  const formats = useFormats();
  const clientId = useClientId();
  const mayChange = useMay();
  const [isAdding, setAdding] = useState(false);
  const read = useRead(READ_EXPERIMENTS, { path: { client_id: clientId } });
  const columns: readonly Column<ExperimentState>[] = [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => <bdi>{name}</bdi>, sort: ({ name }) => name },
    { id: "status", title: t.common.status, cell: ({ status }) => <Badge tone={EXPERIMENT_TONES[status]}>{t.experiments.statuses[status]}</Badge>, sort: ({ status }) => status },
    { id: "started", title: t.experiments.started, cell: ({ started_at }) => (started_at ? formats.dateTime(started_at) : "–") },
    { id: "stopped", title: t.experiments.stopped, cell: ({ stopped_at }) => (stopped_at ? formats.dateTime(stopped_at) : "–") },
  ];
  return (
    <Page title={t.experiments.title} lead={t.experiments.lead} actions={mayChange && <Button icon={Plus} look="primary" onClick={() => setAdding(true)}>{t.experiments.add}</Button>}>
      <List label={t.experiments.title} read={read} rowsOf={({ experiments }) => experiments} columns={columns} keyOf={({ id }) => id} linkOf={({ id }) => id} empty={<Empty title={t.experiments.empty}>{t.experiments.emptyLead}</Empty>} />
      {isAdding && <ExperimentForm clientId={clientId} onClose={() => setAdding(false)} />}
    </Page>
  );
}
