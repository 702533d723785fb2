/** One account of a channel: what the vendor needs to know, its settings, and whether it works. */

import { PlugZap, Trash2 } from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { AccountState, AvailableChannel } from "../api/types.ts";
import { SettingsForm } from "../form/settings-form.tsx";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, CopyButton, Facts, Mono, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { groupsOf } from "./channel-add.tsx";
import { READ_CHANNELS } from "./channels.tsx";

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
      <Shown read={read}>{(state) => <Account key={state.tag} state={state} path={path} />}</Shown>
    </Page>
  );
}

function AccountActions({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const toasts = useToasts();
  const navigate = useNavigate();
  const [isAsked, setAsked] = useState(false);
  const test = useChange("POST /admin/clients/{client_id}/channels/{account_id}/test", {
    refreshes: [READ, READ_CHANNELS],
    onDone: ({ is_ok, detail }) => (is_ok ? toasts.say(`${t.channels.testOk}. ${detail}`) : toasts.fail(new Error(`${t.channels.testFailed}: ${detail}`))),
  });
  const remove = useChange("DELETE /admin/clients/{client_id}/channels/{account_id}", {
    refreshes: [READ_CHANNELS],
    onDone: () => void navigate(`/clients/${path.client_id}/channels`),
  });
  return (
    <>
      <Button icon={PlugZap} isBusy={test.isPending} onClick={() => test.mutate({ path })}>{t.channels.test}</Button>
      <Button icon={Trash2} look="danger" onClick={() => setAsked(true)}>{t.channels.remove}</Button>
      <Confirm title={t.channels.removeAsk(data.name)} description={t.channels.removeLead} action={t.channels.remove} isOpen={isAsked} isBusy={remove.isPending} onClose={() => setAsked(false)} onConfirm={() => remove.mutate({ path, tag })} />
    </>
  );
}

function Account({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const channels = useRead(READ_CHANNELS, { path: { client_id: path.client_id } });
  const channel = channels.data?.available.find(({ id }) => id === data.channel);
  const change = useChange("PATCH /admin/clients/{client_id}/channels/{account_id}", { refreshes: [READ, READ_CHANNELS], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const webhook = data.webhook_url || data.webhook_path;
  return (
    <>
      {data.fault && <Notice tone="bad" title={t.channels.fault}>{data.fault}</Notice>}
      <Card title={t.common.details}>
        <Facts
          facts={[
            [t.common.status, <Badge tone={data.enabled ? "good" : "plain"}>{data.enabled ? t.common.on : t.common.off}</Badge>],
            [t.channels.channel, data.channel],
            [t.channels.webhook, <span className="inline-flex flex-wrap items-center gap-1"><Mono>{webhook}</Mono><CopyButton text={webhook} /></span>],
            [t.common.created, formats.dateTime(data.created_at)],
          ]}
        />
        <p className="mt-2 text-xs text-faint">{t.channels.webhookHint}</p>
      </Card>
      <Card title={t.channels.settings}>
        <Shown read={channels} rows={3}>
          {() =>
            channel && (
              <SettingsForm
                schema={channel.settings_schema}
                values={data.settings}
                fields={fieldsOf(data, channel)}
                groups={groupsOf(channel)}
                submit={t.common.save}
                isBusy={change.isPending}
                isDisabled={!mayChange}
                error={change.error}
                onSubmit={(settings) => change.mutate({ path, tag, body: { settings } })}
              />
            )
          }
        </Shown>
      </Card>
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
