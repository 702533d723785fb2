/** A new integration: its type, then the form that the type's plugin asks for. */

import { useState } from "react";
import { useNavigate } from "react-router";

import { useChange } from "../api/query.ts";
import type { IntegrationType } from "../api/types.ts";
import { SettingsForm } from "../form/settings-form.tsx";
import { useMessages } from "../language.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { READ_INTEGRATIONS } from "./integrations.tsx";

interface Props {
  readonly clientId: string;
  readonly types: readonly IntegrationType[];
  readonly onClose: () => void;
}

export function AddIntegration({ clientId, types, onClose }: Props) {
  const t = useMessages();
  const navigate = useNavigate();
  const [type, setType] = useState(types[0]?.type ?? "");
  const [name, setName] = useState("");
  const add = useChange("POST /admin/clients/{client_id}/integrations", {
    refreshes: [READ_INTEGRATIONS],
    isQuiet: true,
    onDone: ({ id }) => void navigate(`/clients/${clientId}/integrations/${id}`),
  });
  const chosen = types.find((each) => each.type === type);
  return (
    <Dialog title={t.integrations.add} isOpen isWide onClose={onClose}>
      <div className="grid gap-4">
        <SelectField
          label={t.integrations.type}
          value={type}
          onChange={(event) => setType(event.target.value)}
          choices={types.map((each) => ({ value: each.type, label: each.is_plugin_on ? each.type : `${each.type} (${t.integrations.typeOff})` }))}
        />
        <TextField label={t.integrations.name} hint={t.integrations.nameHint} dir="auto" value={name} onChange={(event) => setName(event.target.value)} />
        {chosen && (
          <SettingsForm
            key={type}
            schema={chosen.settings_schema}
            values={{}}
            fields={{}}
            groups={chosen.groups}
            submit={t.integrations.add}
            isBusy={add.isPending}
            error={add.error}
            onSubmit={(settings) => add.mutate({ path: { client_id: clientId }, body: { type, name: name || null, enabled: true, settings } })}
          />
        )}
      </div>
    </Dialog>
  );
}
