/** One client: what it did, its keys and its settings. */

import { useState } from "react";

import { useChange, useRead, useReadTagged } from "../api/query.ts";
import type { ClientProfile, ClientStatistics } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Page } from "../ui/page.tsx";
import { type Reading, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts, Figure, Figures, Mono } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { ClientKeys } from "./client-keys.tsx";
import { ClientSettingsForm } from "./client-settings.tsx";
import { PauseClient } from "./kill-switches.tsx";
import { spanOf } from "./usage-parts.tsx";

export const READ_CLIENT = "GET /admin/clients/{client_id}";

export function Component() {
  const t = useMessages();
  const mayChange = useMay();
  const path = { client_id: useClientId() };
  const read = useReadTagged(READ_CLIENT, { path });
  const statistics = useRead("GET /admin/clients/{client_id}/statistics", { path, query: spanOf("30") });
  return (
    <Page title={read.data?.data.name ?? t.clients.overview} actions={read.data && mayChange && <ClientActions client={read.data.data} />}>
      <Shown read={read} after={[statistics]}>
        {(state) => (
          <>
            <Statistics read={statistics} />
            <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,11fr)_minmax(0,9fr)]">
              <div className="grid gap-4">
                <Details client={state.data} />
                <ClientKeys path={path} />
              </div>
              <ClientSettingsForm key={state.drawn} state={state} path={path} />
            </div>
          </>
        )}
      </Shown>
    </Page>
  );
}

function ClientActions({ client }: { readonly client: ClientProfile }) {
  const t = useMessages();
  const toasts = useToasts();
  const [isAsked, setAsked] = useState(false);
  const path = { client_id: client.id };
  const refreshes = [READ_CLIENT, "GET /admin/clients"] as const;
  const activate = useChange("POST /admin/clients/{client_id}/activate", { refreshes, onDone: ({ name }) => toasts.say(t.clients.activated(name)) });
  const deactivate = useChange("POST /admin/clients/{client_id}/deactivate", {
    refreshes,
    onDone: ({ name }) => {
      setAsked(false);
      toasts.say(t.clients.deactivated(name), () => activate.mutate({ path }));
    },
  });
  if (client.status === "inactive") return <Button look="primary" isBusy={activate.isPending} onClick={() => activate.mutate({ path })}>{t.clients.activate}</Button>;
  return (
    <>
      <PauseClient client={client} />
      <Button look="danger" onClick={() => setAsked(true)}>{t.clients.deactivate}</Button>
      <Confirm title={t.clients.deactivateAsk(client.name)} description={t.clients.deactivateLead} action={t.clients.deactivate} isOpen={isAsked} isBusy={deactivate.isPending} onClose={() => setAsked(false)} onConfirm={() => deactivate.mutate({ path })} />
    </>
  );
}

function Statistics({ read }: { readonly read: Reading<ClientStatistics> }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <Card title={t.clients.statistics}>
      <Shown read={read}>
        {({ total }) => (
          <Figures>
            <Figure label={t.home.conversations} value={formats.number(total.conversations)} />
            <Figure label={t.home.messages} value={formats.number(total.messages)} />
            <Figure label={t.home.toolCalls} value={formats.number(total.tool_calls)} />
            <Figure label={t.home.tokens} value={formats.short(total.tokens_input + total.tokens_output)} />
            <Figure label={t.home.cost} value={formats.money(total.cost)} />
          </Figures>
        )}
      </Shown>
    </Card>
  );
}

function Details({ client }: { readonly client: ClientProfile }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <Card title={t.clients.details}>
      <Facts
        facts={[
          [t.common.status, <Badge tone={client.status === "active" ? "good" : "plain"}>{t.clients.statuses[client.status]}</Badge>],
          ["ID", <Mono>{client.id}</Mono>],
          [t.clients.domain, client.domain],
          [t.clients.plan, client.plan],
          [t.clients.origins, client.origins.length > 0 && <Mono>{client.origins.join(", ")}</Mono>],
          [t.common.created, formats.dateTime(client.created_at)],
        ]}
      />
    </Card>
  );
}
