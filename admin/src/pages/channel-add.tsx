/** A new account of a channel. */

import { useState } from "react";
import { useNavigate } from "react-router";

import { useChange } from "../api/query.ts";
import type { AvailableChannel, FieldGroup } from "../api/types.ts";
import { SettingsForm } from "../form/settings-form.tsx";
import { labelOf } from "../label.ts";
import { useMessages } from "../language.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { READ_CHANNELS } from "./channels.tsx";

interface Props {
  readonly clientId: string;
  readonly available: readonly AvailableChannel[];
  readonly onClose: () => void;
}

export function AddChannel({ clientId, available, onClose }: Props) {
  const t = useMessages();
  const navigate = useNavigate();
  const [id, setId] = useState(available[0]?.id ?? "");
  const [name, setName] = useState("");
  const add = useChange("POST /admin/clients/{client_id}/channels", {
    refreshes: [READ_CHANNELS],
    isQuiet: true,
    onDone: (account) => void navigate(`/clients/${clientId}/channels/${account.id}`),
  });
  const channel = available.find((each) => each.id === id);
  return (
    <Dialog title={t.channels.add} isOpen isWide onClose={onClose}>
      <div className="grid gap-4">
        <SelectField label={t.channels.channel} value={id} onChange={(event) => setId(event.target.value)} choices={available.map(({ id: value, is_on }) => ({ value, label: labelOf(t.conversations.channels, value) + (is_on ? "" : ` (${t.channels.channelOff})`) }))} />
        <TextField label={t.channels.name} hint={t.channels.nameHint} dir="auto" isRequired value={name} onChange={(event) => setName(event.target.value)} />
        {channel && (
          <SettingsForm
            key={id}
            schema={channel.settings_schema}
            values={{}}
            fields={{}}
            groups={groupsOf(channel)}
            submit={t.channels.add}
            isBusy={add.isPending}
            error={add.error}
            onSubmit={(settings) => add.mutate({ path: { client_id: clientId }, body: { channel: id, name: name || id, settings } })}
          />
        )}
      </div>
    </Dialog>
  );
}

/** The API's document leaves open what a channel's groups hold; it is what it says of a plugin's. */
export function groupsOf(channel: AvailableChannel): readonly FieldGroup[] {
  return channel.groups as unknown as readonly FieldGroup[];
}
