/** A client's integrations: the business systems that it connected. */

import { Plus } from "lucide-react";
import { useState } from "react";

import { useChange, useRead } from "../api/query.ts";
import type { ConnectionState } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Switch } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { AddIntegration } from "./integration-add.tsx";

export const READ_INTEGRATIONS = "GET /admin/clients/{client_id}/integrations";
export const CONNECTION_TONES: Readonly<Record<ConnectionState["state"], Tone>> = { on: "good", off: "plain", unusable: "bad" };

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const mayChange = useMay();
  const [isAdding, setAdding] = useState(false);
  const read = useRead(READ_INTEGRATIONS, { path: { client_id: clientId } });
  const add = mayChange && <Button icon={Plus} look="primary" onClick={() => setAdding(true)}>{t.integrations.add}</Button>;
  return (
    <Page title={t.integrations.title} lead={t.integrations.lead} actions={add}>
      <List
        label={t.integrations.title}
        read={read}
        rowsOf={({ integrations }) => integrations}
        columns={useColumns(clientId)}
        keyOf={({ id }) => id}
        linkOf={({ id }) => id}
        empty={<Empty title={t.integrations.empty}>{t.integrations.emptyLead}</Empty>}
      />
      {isAdding && <AddIntegration clientId={clientId} types={read.data?.available ?? []} onClose={() => setAdding(false)} />}
    </Page>
  );
}

function useColumns(clientId: string): readonly Column<ConnectionState>[] {
  const t = useMessages();
  const formats = useFormats();
  const mayChange = useMay();
  const toggle = useToggle(clientId);
  return [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => name, sort: ({ name }) => name },
    { id: "type", title: t.integrations.type, cell: ({ type }) => type, sort: ({ type }) => type },
    { id: "state", title: t.common.status, cell: ({ state }) => <Badge tone={CONNECTION_TONES[state]}>{t.integrations.states[state]}</Badge> },
    {
      id: "test",
      title: t.integrations.lastTest,
      cell: ({ last_sync_test, last_test_ok }) =>
        last_sync_test === null ? t.integrations.neverTested : <Badge tone={last_test_ok ? "good" : "bad"}>{formats.ago(last_sync_test)}</Badge>,
    },
    { id: "enabled", title: t.common.on, cell: (row) => <Switch label={t.integrations.switchOf(row.name)} isOn={row.enabled} disabled={!mayChange} onChange={(isOn) => toggle(row, isOn)} /> },
  ];
}

function useToggle(clientId: string): (row: ConnectionState, enabled: boolean) => void {
  const t = useMessages();
  const toasts = useToasts();
  const change = useChange("PATCH /admin/clients/{client_id}/integrations/{integration_id}", {
    refreshes: [READ_INTEGRATIONS],
    optimistic: {
      read: READ_INTEGRATIONS,
      request: { path: { client_id: clientId } },
      then: (before, { path, body }) => ({ ...before, integrations: before.integrations.map((row) => (row.id === path.integration_id ? { ...row, enabled: body?.enabled === true } : row)) }),
    },
    onDone: (row) => toasts.say(row.enabled ? t.integrations.turnedOn(row.name) : t.integrations.turnedOff(row.name), () => toggle(row, !row.enabled)),
  });
  const toggle = (row: ConnectionState, enabled: boolean): void =>
    change.mutate({ path: { client_id: clientId, integration_id: row.id }, body: { enabled }, tag: `"${row.revision}"` });
  return toggle;
}
