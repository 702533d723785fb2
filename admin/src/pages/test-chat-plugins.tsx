/** Which plugins a test chat has on, against what the client has: for this chat alone. */

import { useRead } from "../api/query.ts";
import type { ClientPluginState } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Switch } from "../ui/field.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Mono } from "../ui/surface.tsx";

/** By plugin, those alone that are other than at the client. */
export type Switched = Readonly<Record<string, boolean>>;

interface Props {
  readonly clientId: string;
  readonly switched: Switched;
  readonly onChange: (switched: Switched) => void;
}

export function TrialPlugins({ clientId, switched, onChange }: Props) {
  const t = useMessages();
  const read = useRead("GET /admin/clients/{client_id}/plugins", { path: { client_id: clientId } });
  const count = Object.keys(switched).length;
  const others = ({ id }: ClientPluginState) => Object.fromEntries(Object.entries(switched).filter(([name]) => name !== id));
  const turn = (plugin: ClientPluginState, isOn: boolean) => onChange(isOn === plugin.enabled ? others(plugin) : { ...switched, [plugin.id]: isOn });
  return (
    <Card title={t.testChat.plugins} hint={t.testChat.pluginsLead} actions={count > 0 && <Button onClick={() => onChange({})}>{t.testChat.asClient}</Button>}>
      <Shown read={read} rows={3}>
        {({ plugins }) => (
          <details>
            <summary>{count === 0 ? t.testChat.pluginsSame : t.testChat.pluginsOther(count)}</summary>
            <ul aria-label={t.testChat.plugins} tabIndex={0} className="mt-2 grid max-h-72 gap-2 overflow-y-auto">
              {plugins.map((plugin) => (
                <li key={plugin.id} className="flex items-center gap-2">
                  <Switch label={t.testChat.switchOf(plugin.id)} isOn={switched[plugin.id] ?? plugin.enabled} onChange={(isOn) => turn(plugin, isOn)} />
                  <Mono>{plugin.id}</Mono>
                  {plugin.id in switched && <Badge tone="accent">{t.testChat.other}</Badge>}
                </li>
              ))}
            </ul>
          </details>
        )}
      </Shown>
    </Card>
  );
}
