/** The endpoints of an integration, and which of them are tools of the AI. */

import { FileDown, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";

import { useChange, useRead } from "../api/query.ts";
import type { EndpointState } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Mono } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { EndpointForm } from "./integration-endpoint-form.tsx";
import { ImportDialog } from "./integration-import.tsx";
import type { IntegrationPath } from "./integration.tsx";

export const READ_ENDPOINTS = "GET /admin/clients/{client_id}/integrations/{integration_id}/endpoints";

type Asked = { readonly what: "add" | "import" } | { readonly what: "edit" | "remove"; readonly endpoint: EndpointState };

export function Endpoints({ path }: { readonly path: IntegrationPath }) {
  const t = useMessages();
  const mayChange = useMay();
  const read = useRead(READ_ENDPOINTS, { path });
  const [asked, setAsked] = useState<Asked>();
  const columns = useColumns(path, setAsked);
  const close = () => setAsked(undefined);
  return (
    <Card
      title={t.integrations.endpoints}
      hint={t.integrations.endpointsLead}
      isFlush
      actions={
        mayChange && (
          <>
            <Button icon={FileDown} onClick={() => setAsked({ what: "import" })}>{t.integrations.import}</Button>
            <Button icon={Plus} onClick={() => setAsked({ what: "add" })}>{t.integrations.endpointAdd}</Button>
          </>
        )
      }
    >
      <Shown read={read}>
        {({ endpoints }) => <Table label={t.integrations.endpoints} columns={columns} rows={endpoints} keyOf={({ name }) => name} empty={<Empty title={t.integrations.endpointsEmpty} />} />}
      </Shown>
      {asked?.what === "add" && <EndpointForm path={path} onClose={close} />}
      {asked?.what === "edit" && <EndpointForm path={path} endpoint={asked.endpoint} onClose={close} />}
      {asked?.what === "import" && <ImportDialog path={path} onClose={close} />}
      {asked?.what === "remove" && <Remove path={path} endpoint={asked.endpoint} onClose={close} />}
    </Card>
  );
}

function useColumns(path: IntegrationPath, onAsk: (asked: Asked) => void): readonly Column<EndpointState>[] {
  const t = useMessages();
  const mayChange = useMay();
  const refreshes = [READ_ENDPOINTS] as const;
  const offer = useChange("PUT /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}/tool", { refreshes });
  const withdraw = useChange("DELETE /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}/tool", { refreshes });
  const isBusy = offer.isPending || withdraw.isPending;
  const actions = (endpoint: EndpointState) => (
    <span className="inline-flex flex-wrap justify-end gap-1">
      {endpoint.tool === null
        ? <Button disabled={isBusy} onClick={() => offer.mutate({ path: { ...path, name: endpoint.name }, body: { enabled: true } })}>{t.integrations.offer}</Button>
        : <Button disabled={isBusy} onClick={() => withdraw.mutate({ path: { ...path, name: endpoint.name } })}>{t.integrations.withdraw}</Button>}
      {!endpoint.is_ready && <IconButton icon={Pencil} label={`${t.common.edit}: ${endpoint.name}`} onClick={() => onAsk({ what: "edit", endpoint })} />}
      {!endpoint.is_ready && <IconButton icon={Trash2} label={`${t.common.remove}: ${endpoint.name}`} onClick={() => onAsk({ what: "remove", endpoint })} />}
    </span>
  );
  return [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => <Mono>{name}</Mono> },
    { id: "description", title: t.integrations.description, cell: ({ description }) => description },
    { id: "url", title: t.integrations.url, cell: ({ method, url, is_ready }) => (is_ready ? t.integrations.ready : <Mono>{method} {url}</Mono>) },
    { id: "tool", title: t.integrations.tool, cell: ({ tool }) => (tool ? <Badge tone={tool.enabled ? "good" : "plain"}>{t.integrations.offered(tool.tool_name)}</Badge> : t.integrations.notOffered) },
    ...(mayChange ? [{ id: "actions", title: "", cell: actions }] : []),
  ];
}

function Remove({ path, endpoint, onClose }: { readonly path: IntegrationPath; readonly endpoint: EndpointState; readonly onClose: () => void }) {
  const t = useMessages();
  const remove = useChange("DELETE /admin/clients/{client_id}/integrations/{integration_id}/endpoints/{name}", { refreshes: [READ_ENDPOINTS], onDone: onClose });
  return (
    <Confirm title={t.integrations.removeEndpoint(endpoint.name)} action={t.common.remove} isOpen isBusy={remove.isPending} onClose={onClose} onConfirm={() => remove.mutate({ path: { ...path, name: endpoint.name }, tag: `"${endpoint.revision}"` })} />
  );
}
