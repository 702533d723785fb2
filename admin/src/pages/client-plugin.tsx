/** One plugin of a client: its state, and its settings. */

import { Undo2 } from "lucide-react";
import { useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { ClientPluginState } from "../api/types.ts";
import { SettingsForm } from "../form/settings-form.tsx";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { PLUGIN_TONES } from "./client-plugins.tsx";

const READ = "GET /admin/clients/{client_id}/plugins/{plugin_id}";

export function Component() {
  const { pluginId = "" } = useParams();
  const path = { client_id: useClientId(), plugin_id: pluginId };
  const read = useReadTagged(READ, { path });
  return (
    <Page title={pluginId}>
      <Shown read={read}>{(state) => <Plugin key={state.drawn} state={state} path={path} />}</Shown>
    </Page>
  );
}

interface Props {
  readonly state: Tagged<ClientPluginState>;
  readonly path: { readonly client_id: string; readonly plugin_id: string };
}

function Plugin({ state: { data: plugin, tag }, path }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const refreshes = [READ, "GET /admin/clients/{client_id}/plugins"] as const;
  const undo = useChange("POST /admin/clients/{client_id}/plugins/{plugin_id}/undo", { refreshes, onDone: () => toasts.say(t.common.undone) });
  const change = useChange("PATCH /admin/clients/{client_id}/plugins/{plugin_id}", {
    refreshes,
    isQuiet: true,
    onDone: (changed) => toasts.say(t.common.saved, () => undo.mutate({ path, tag: `"${changed.revision}"` })),
  });
  return (
    <>
      {plugin.fault && (
        <Notice tone="bad" title={plugin.fault.cause}>{t.plugins.remedy}: <bdi>{plugin.fault.remedy}</bdi></Notice>
      )}
      <Card
        title={t.common.details}
        actions={plugin.can_undo && mayChange && <Button icon={Undo2} isBusy={undo.isPending} onClick={() => undo.mutate({ path, tag })}>{t.plugins.undoLast}</Button>}
      >
        <Facts
          facts={[
            [t.common.status, <Badge tone={PLUGIN_TONES[plugin.state]}>{t.plugins.clientStates[plugin.state]}</Badge>],
            [t.plugins.kinds, plugin.kinds.map((kind) => labelOf(t.plugins.kindNames, kind)).join(", ")],
            [t.common.version, plugin.version],
            [t.plugins.onByDefault, plugin.is_on_by_default ? t.common.yes : t.common.no],
            [t.common.changed, plugin.updated_at && formats.dateTime(plugin.updated_at)],
          ]}
        />
      </Card>
      <Card title={t.plugins.settings}>
        <SettingsForm
          schema={plugin.settings_schema}
          values={plugin.settings}
          tag={tag}
          fields={plugin.fields}
          groups={plugin.groups}
          submit={t.common.save}
          isBusy={change.isPending}
          isDisabled={!mayChange}
          error={change.error}
          onSubmit={(settings) => change.mutate({ path, tag, body: { settings } })}
        />
      </Card>
    </>
  );
}
