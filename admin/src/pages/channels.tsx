/** A client's accounts of channels. */

import { Plus } from "lucide-react";
import { useState } from "react";

import { useChange, useRead } from "../api/query.ts";
import type { AccountState } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Switch } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { AddChannel } from "./channel-add.tsx";

export const READ_CHANNELS = "GET /admin/clients/{client_id}/channels";

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const mayChange = useMay();
  const [isAdding, setAdding] = useState(false);
  const read = useRead(READ_CHANNELS, { path: { client_id: clientId } });
  return (
    <Page title={t.channels.title} lead={t.channels.lead} actions={mayChange && <Button icon={Plus} look="primary" onClick={() => setAdding(true)}>{t.channels.add}</Button>}>
      <List
        label={t.channels.title}
        read={read}
        rowsOf={({ accounts }) => accounts}
        columns={useColumns(clientId)}
        keyOf={({ id }) => id}
        linkOf={({ id }) => id}
        empty={<Empty title={t.channels.empty}>{t.channels.emptyLead}</Empty>}
      />
      {isAdding && <AddChannel clientId={clientId} available={read.data?.available ?? []} onClose={() => setAdding(false)} />}
    </Page>
  );
}

function useColumns(clientId: string): readonly Column<AccountState>[] {
  const t = useMessages();
  const mayChange = useMay();
  const toggle = useToggle(clientId);
  return [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => name, sort: ({ name }) => name },
    { id: "channel", title: t.channels.channel, cell: ({ channel }) => labelOf(t.conversations.channels, channel), sort: ({ channel }) => labelOf(t.conversations.channels, channel) },
    { id: "fault", title: t.common.status, cell: ({ fault, enabled }) => (fault ? <Badge tone="bad">{t.channels.fault}</Badge> : <Badge tone={enabled ? "good" : "plain"}>{enabled ? t.common.on : t.common.off}</Badge>) },
    { id: "enabled", title: t.common.on, cell: (row) => <Switch label={t.channels.switchOf(row.name)} isOn={row.enabled} disabled={!mayChange} onChange={(isOn) => toggle(row, isOn)} /> },
  ];
}

function useToggle(clientId: string): (row: AccountState, enabled: boolean) => void {
  const t = useMessages();
  const toasts = useToasts();
  const change = useChange("PATCH /admin/clients/{client_id}/channels/{account_id}", {
    refreshes: [READ_CHANNELS],
    optimistic: {
      read: READ_CHANNELS,
      request: { path: { client_id: clientId } },
      then: (before, { path, body }) => ({ ...before, accounts: before.accounts.map((row) => (row.id === path.account_id ? { ...row, enabled: body?.enabled === true } : row)) }),
    },
    onDone: (row) => toasts.say(row.enabled ? t.channels.turnedOn(row.name) : t.channels.turnedOff(row.name), () => toggle(row, !row.enabled)),
  });
  const toggle = (row: AccountState, enabled: boolean): void =>
    change.mutate({ path: { client_id: clientId, account_id: row.id }, body: { enabled }, tag: `"${row.revision}"` });
  return toggle;
}
