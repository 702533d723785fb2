/** One account of a channel: what the vendor needs to know, its settings, and whether it works. */

import { useNavigate, useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { AccountState, AvailableChannel } from "../api/types.ts";
import { labelOf } from "../label.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, CopyButton, Facts, Mono, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { groupsOf } from "./channel-add.tsx";
import { READ_CHANNELS } from "./channels.tsx";
import { ConnectedActions, ConnectedSettings, useOutcome } from "./connected.tsx";

const READ = "GET /admin/clients/{client_id}/channels/{account_id}";

interface Path {
  readonly client_id: string;
  readonly account_id: string;
}

interface Props {
  readonly state: Tagged<AccountState>;
  readonly path: Path;
}

export function Component() {
  const t = useMessages();
  const { accountId = "" } = useParams();
  const path = { client_id: useClientId(), account_id: accountId };
  const read = useReadTagged(READ, { path });
  const mayChange = useMay();
  return (
    <Page title={read.data?.data.name ?? t.channels.title} actions={read.data && mayChange && <AccountActions state={read.data} path={path} />}>
      <Shown read={read}>{(state) => <Account key={state.drawn} state={state} path={path} />}</Shown>
    </Page>
  );
}

function AccountActions({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const navigate = useNavigate();
  const test = useChange("POST /admin/clients/{client_id}/channels/{account_id}/test", {
    refreshes: [READ, READ_CHANNELS],
    onDone: useOutcome(t.channels),
  });
  const remove = useChange("DELETE /admin/clients/{client_id}/channels/{account_id}", {
    refreshes: [READ_CHANNELS],
    onDone: () => void navigate(`/clients/${path.client_id}/channels`),
  });
  return <ConnectedActions name={data.name} words={t.channels} test={test} remove={remove} onTest={() => test.mutate({ path })} onRemove={() => remove.mutate({ path, tag })} />;
}

function Account({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const channels = useRead(READ_CHANNELS, { path: { client_id: path.client_id } });
  const change = useChange("PATCH /admin/clients/{client_id}/channels/{account_id}", { refreshes: [READ, READ_CHANNELS], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const webhook = data.webhook_url || data.webhook_path;
  return (
    <>
      {data.fault && <Notice tone="bad" title={t.channels.fault}>{data.fault}</Notice>}
      <Card title={t.common.details}>
        <Facts
          facts={[
            [t.common.status, <Badge tone={data.enabled ? "good" : "plain"}>{data.enabled ? t.common.on : t.common.off}</Badge>],
            [t.channels.channel, labelOf(t.conversations.channels, data.channel)],
            [t.channels.webhook, <span className="inline-flex flex-wrap items-center gap-1"><Mono>{webhook}</Mono><CopyButton text={webhook} /></span>],
            [t.common.created, formats.dateTime(data.created_at)],
          ]}
        />
        <p className="mt-2 text-xs text-faint">{t.channels.webhookHint}</p>
      </Card>
      <ConnectedSettings
        title={t.channels.settings}
        read={channels}
        kindOf={({ available }) => available.find(({ id }) => id === data.channel)}
        groupsOf={groupsOf}
        fieldsOf={(channel) => fieldsOf(data, channel)}
        values={data.settings}
        tag={tag}
        change={change}
        onSubmit={(settings) => change.mutate({ path, tag, body: { settings } })}
      />
    </>
  );
}

/** An account says only which of its secrets are set; its schema says which fields are secret. */
function fieldsOf(account: AccountState, channel: AvailableChannel) {
  const { properties = {} } = channel.settings_schema as { readonly properties?: { readonly [name: string]: { readonly writeOnly?: boolean } } };
  return Object.fromEntries(
    Object.entries(properties).map(([name, { writeOnly = false }]) => {
      const isSet = writeOnly ? account.secrets.includes(name) : name in account.settings;
      return [name, { is_secret: writeOnly, is_set: isSet, source: isSet ? ("client" as const) : ("default" as const), env: null, is_env_set: false }];
    }),
  );
}
