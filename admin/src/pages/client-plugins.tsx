/** A client's plugins: switched on and off, each with a look at what that changes. */

import { useState } from "react";

import { useChange, useRead } from "../api/query.ts";
import type { ClientPluginState } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Switch, FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { useFilters } from "../url.ts";
import { TogglePreview } from "./client-plugin-preview.tsx";

export const PLUGIN_TONES: Readonly<Record<ClientPluginState["state"], Tone>> = { on: "good", off: "plain", unusable: "bad" };

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const read = useRead("GET /admin/clients/{client_id}/plugins", { path: { client_id: clientId } });
  const [{ q }, setFilters] = useFilters({ q: "" });
  const [asked, setAsked] = useState<ClientPluginState>();
  const toggle = useToggle(clientId);
  return (
    <Page title={t.plugins.title} lead={t.plugins.clientLead}>
      <Filters><FilterText label={t.plugins.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} /></Filters>
      <List
        label={t.plugins.title}
        read={read}
        rowsOf={(data) => data.plugins.filter((plugin) => plugin.id.includes(q.trim().toLowerCase()))}
        columns={useColumns(setAsked)}
        keyOf={(plugin) => plugin.id}
        linkOf={(plugin) => plugin.id}
        empty={<Empty title={q ? t.shell.nothingFound : t.plugins.empty} />}
      />
      {asked && <TogglePreview clientId={clientId} plugin={asked} onClose={() => setAsked(undefined)} onConfirm={() => toggle(asked)} />}
    </Page>
  );
}

function useColumns(onToggle: (plugin: ClientPluginState) => void): readonly Column<ClientPluginState>[] {
  const t = useMessages();
  const mayChange = useMay();
  return [
    { id: "id", title: t.common.name, isPrimary: true, cell: ({ id }) => id, sort: ({ id }) => id },
    { id: "state", title: t.common.status, cell: ({ state }) => <Badge tone={PLUGIN_TONES[state]}>{t.plugins.clientStates[state]}</Badge>, sort: ({ state }) => state },
    { id: "kinds", title: t.plugins.kinds, cell: ({ kinds }) => kinds.map((kind) => labelOf(t.plugins.kindNames, kind)).join(", ") },
    { id: "version", title: t.common.version, cell: ({ version }) => version },
    {
      id: "enabled",
      title: t.common.on,
      cell: (plugin) => <Switch label={t.plugins.switchOf(plugin.id)} isOn={plugin.enabled} disabled={!mayChange} onChange={() => onToggle(plugin)} />,
    },
  ];
}

/** Shown at once, and taken back where the server refuses; the toast undoes it. */
function useToggle(clientId: string): (plugin: ClientPluginState) => void {
  const t = useMessages();
  const toasts = useToasts();
  const read = "GET /admin/clients/{client_id}/plugins";
  const undo = useChange("POST /admin/clients/{client_id}/plugins/{plugin_id}/undo", { refreshes: [read], onDone: () => toasts.say(t.common.undone) });
  const change = useChange("PATCH /admin/clients/{client_id}/plugins/{plugin_id}", {
    refreshes: [read],
    optimistic: {
      read,
      request: { path: { client_id: clientId } },
      then: (before, { path, body }) => ({ plugins: before.plugins.map((plugin) => (plugin.id === path.plugin_id ? switched(plugin, body?.enabled === true) : plugin)) }),
    },
    onDone: (plugin) =>
      toasts.say(plugin.enabled ? t.plugins.turnedOn(plugin.id) : t.plugins.turnedOff(plugin.id), () =>
        undo.mutate({ path: { client_id: clientId, plugin_id: plugin.id }, tag: `"${plugin.revision}"` }),
      ),
  });
  return (plugin) => change.mutate({ path: { client_id: clientId, plugin_id: plugin.id }, body: { enabled: !plugin.enabled }, tag: `"${plugin.revision}"` });
}

function switched(plugin: ClientPluginState, enabled: boolean): ClientPluginState {
  return { ...plugin, enabled, state: enabled ? "on" : "off" };
}
