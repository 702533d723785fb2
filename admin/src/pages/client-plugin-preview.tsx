/** What switching a plugin would change, before it is done. */

import { useRead } from "../api/query.ts";
import type { ClientPluginState, PluginPreview } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Shown } from "../ui/states.tsx";
import { Facts, Notice } from "../ui/surface.tsx";

interface Props {
  readonly clientId: string;
  readonly plugin: ClientPluginState;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

export function TogglePreview({ clientId, plugin, onClose, onConfirm }: Props) {
  const t = useMessages();
  const read = useRead("GET /admin/clients/{client_id}/plugins/{plugin_id}/preview", {
    path: { client_id: clientId, plugin_id: plugin.id },
    query: { enabled: !plugin.enabled },
  });
  const confirm = () => {
    onClose();
    onConfirm();
  };
  return (
    <Confirm
      title={plugin.enabled ? t.plugins.previewOff(plugin.id) : t.plugins.previewOn(plugin.id)}
      action={plugin.enabled ? t.plugins.turnOff : t.plugins.turnOn}
      isOpen
      onClose={onClose}
      onConfirm={confirm}
    >
      <Shown read={read} rows={3}>{(preview) => <Changes preview={preview} />}</Shown>
    </Confirm>
  );
}

function Changes({ preview }: { readonly preview: PluginPreview }) {
  const t = useMessages();
  const { tools, providers, locales, hooks, warnings } = preview;
  const isOtherChain = providers.now.join() !== providers.then.join();
  const named = [
    [t.plugins.toolsGone, tools.gone],
    [t.plugins.toolsAdded, tools.added],
    [t.plugins.toolsAvailable, tools.available],
    [t.plugins.chain, isOtherChain ? [`${providers.now.join(", ") || "–"} → ${providers.then.join(", ") || "–"}`] : []],
    [t.plugins.localesGone, locales.gone],
    [t.plugins.localesAdded, locales.added],
    [t.plugins.hooksGone, hooks.gone],
    [t.plugins.hooksAdded, hooks.added],
  ] as const;
  const facts = named.filter(([, names]) => names.length > 0).map(([title, names]) => [title, names.join(", ")] as const);
  return (
    <div className="grid gap-3">
      {warnings.map((warning) => <Notice key={warning}>{warning}</Notice>)}
      {facts.length > 0 ? <Facts facts={facts} /> : <p className="text-soft">{t.plugins.nothingElse}</p>}
    </div>
  );
}
