/** One integration: whether it works, its connection, and what can be read from it. */

import { useNavigate, useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { ConnectionState } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { ConnectedActions, ConnectedSettings, useOutcome } from "./connected.tsx";
import { Endpoints } from "./integration-endpoints.tsx";
import { CONNECTION_TONES, READ_INTEGRATIONS } from "./integrations.tsx";

const READ = "GET /admin/clients/{client_id}/integrations/{integration_id}";

export interface IntegrationPath {
  readonly client_id: string;
  readonly integration_id: string;
}

export function Component() {
  const t = useMessages();
  const { integrationId = "" } = useParams();
  const path = { client_id: useClientId(), integration_id: integrationId };
  const read = useReadTagged(READ, { path });
  const types = useRead(READ_INTEGRATIONS, { path: { client_id: path.client_id } });
  const mayChange = useMay();
  return (
    <Page title={read.data?.data.name ?? t.integrations.title} actions={read.data && mayChange && <IntegrationActions state={read.data} path={path} />}>
      <Shown read={read} after={[types]}>
        {(state) => (
          <>
            <Connection key={state.drawn} state={state} path={path} />
            <Endpoints path={path} />
          </>
        )}
      </Shown>
    </Page>
  );
}

interface Props {
  readonly state: Tagged<ConnectionState>;
  readonly path: IntegrationPath;
}

function IntegrationActions({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const toasts = useToasts();
  const navigate = useNavigate();
  const test = useChange("POST /admin/clients/{client_id}/integrations/{integration_id}/test", {
    refreshes: [READ, READ_INTEGRATIONS],
    onDone: useOutcome(t.integrations),
  });
  const remove = useChange("DELETE /admin/clients/{client_id}/integrations/{integration_id}", {
    refreshes: [READ_INTEGRATIONS],
    onDone: () => {
      toasts.say(t.integrations.removed(data.name));
      void navigate(`/clients/${path.client_id}/integrations`);
    },
  });
  return <ConnectedActions name={data.name} words={t.integrations} test={test} remove={remove} onTest={() => test.mutate({ path })} onRemove={() => remove.mutate({ path, tag })} />;
}

function Connection({ state: { data, tag }, path }: Props) {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const mayChange = useMay();
  const types = useRead(READ_INTEGRATIONS, { path: { client_id: path.client_id } });
  const change = useChange("PATCH /admin/clients/{client_id}/integrations/{integration_id}", { refreshes: [READ, READ_INTEGRATIONS], isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  return (
    <>
      {data.fault && <Notice tone="bad" title={data.fault.cause}>{t.plugins.remedy}: <bdi>{data.fault.remedy}</bdi></Notice>}
      {data.obstacles.length > 0 && <Notice title={t.integrations.obstacles}><ul>{data.obstacles.map((each) => <li key={each}><bdi>{each}</bdi></li>)}</ul></Notice>}
      <Card title={t.common.details} actions={mayChange && <Consent path={path} />}>
        <Facts
          facts={[
            [t.common.status, <Badge tone={CONNECTION_TONES[data.state]}>{t.integrations.states[data.state]}</Badge>],
            [t.integrations.type, data.type],
            [t.integrations.lastTest, data.last_sync_test === null ? t.integrations.neverTested : <LastTest state={data} />],
            [t.common.created, formats.dateTime(data.created_at)],
          ]}
        />
      </Card>
      <ConnectedSettings
        title={t.integrations.connection}
        read={types}
        kindOf={({ available }) => available.find(({ type }) => type === data.type)}
        groupsOf={({ groups }) => groups}
        fieldsOf={() => data.fields}
        values={data.settings}
        tag={tag}
        change={change}
        onSubmit={(settings) => change.mutate({ path, tag, body: { settings } })}
      />
    </>
  );
}

function LastTest({ state }: { readonly state: ConnectionState }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <span className="grid justify-items-start gap-1">
      <Badge tone={state.last_test_ok ? "good" : "bad"}>{state.last_test_ok ? t.integrations.testOk : t.integrations.testFailed}</Badge>
      <span>{formats.dateTime(state.last_sync_test ?? "")} {state.last_test_detail}</span>
    </span>
  );
}

/** Where a vendor gives access on a page of its own: the browser goes there and comes back. */
function Consent({ path }: { readonly path: IntegrationPath }) {
  const t = useMessages();
  const begin = useChange("POST /admin/clients/{client_id}/integrations/{integration_id}/consent", { onDone: ({ url }) => location.assign(url) });
  return <Button isBusy={begin.isPending} onClick={() => begin.mutate({ path })}>{t.integrations.consent}</Button>;
}
