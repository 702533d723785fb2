/** A client's keys: renewed beside the old one, or revoked at once. */

import { useState } from "react";
import { useForm } from "react-hook-form";

import { useChange, useRead } from "../api/query.ts";
import type { ClientKey } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Confirm, Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Shown } from "../ui/states.tsx";
import { Card, Code, Mono, Notice } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";

const READ = "GET /admin/clients/{client_id}/keys";
const OVERLAP_HOURS = 24;

interface Path {
  readonly client_id: string;
}

export function ClientKeys({ path }: { readonly path: Path }) {
  const t = useMessages();
  const mayChange = useMay();
  const read = useRead(READ, { path });
  const [renewed, setRenewed] = useState<ClientKey["kind"]>();
  const [revoked, setRevoked] = useState<ClientKey>();
  const columns = useColumns(setRevoked);
  return (
    <Card
      title={t.clients.keys}
      hint={t.clients.keysLead}
      isFlush
      actions={mayChange && (["publishable", "secret"] as const).map((kind) => <Button key={kind} onClick={() => setRenewed(kind)}>{t.clients.renew}: {t.clients.kinds[kind]}</Button>)}
    >
      <Shown read={read} rows={3}>{({ keys }) => <Table label={t.clients.keys} columns={columns} rows={keys} keyOf={({ id }) => id} empty={<p className="p-4 text-soft">{t.common.none}</p>} />}</Shown>
      {renewed && <Renew path={path} kind={renewed} onClose={() => setRenewed(undefined)} />}
      {revoked && <Revoke path={path} keyOf={revoked} onClose={() => setRevoked(undefined)} />}
    </Card>
  );
}

function useColumns(onRevoke: (key: ClientKey) => void): readonly Column<ClientKey>[] {
  const t = useMessages();
  const formats = useFormats();
  const mayChange = useMay();
  return [
    { id: "kind", title: t.clients.kind, isPrimary: true, cell: ({ kind }) => t.clients.kinds[kind] },
    { id: "hint", title: t.clients.ends, cell: ({ hint }) => <Mono>…{hint}</Mono> },
    { id: "created", title: t.common.created, cell: ({ created_at }) => <time dateTime={created_at}>{formats.date(created_at)}</time> },
    { id: "expires", title: t.clients.expires, cell: ({ expires_at }) => (expires_at ? formats.dateTime(expires_at) : t.clients.forever) },
    ...(mayChange ? [{ id: "revoke", title: "", cell: (key: ClientKey) => <Button look="danger" onClick={() => onRevoke(key)}>{t.clients.revoke}</Button> }] : []),
  ];
}

function Renew({ path, kind, onClose }: { readonly path: Path; readonly kind: ClientKey["kind"]; readonly onClose: () => void }) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm({ defaultValues: { overlap: String(OVERLAP_HOURS) } });
  const renew = useChange("POST /admin/clients/{client_id}/keys", { refreshes: [READ] });
  return (
    <Dialog title={t.clients.renewTitle(t.clients.kinds[kind])} isOpen onClose={onClose}>
      {renew.data ? (
        <div className="grid gap-3">
          <Notice>{t.clients.keysOnce}</Notice>
          <Code label={t.clients.renewed} text={renew.data.key} />
          {renew.data.embed_code && <Code label={t.clients.embed} text={renew.data.embed_code} />}
        </div>
      ) : (
        <form noValidate onSubmit={(event) => void handleSubmit(({ overlap }) => renew.mutate({ path, body: { kind, overlap_hours: Number(overlap) } }))(event)}>
          <TextField label={t.clients.overlap} inputMode="numeric" dir="ltr" error={formState.errors.overlap?.message} {...register("overlap", { validate: (text) => /^\d+$/.test(text) || t.schemaForm.numberInvalid })} />
          <Actions>
            <Button onClick={onClose}>{t.common.cancel}</Button>
            <Button type="submit" look="primary" isBusy={renew.isPending}>{t.clients.renew}</Button>
          </Actions>
        </form>
      )}
    </Dialog>
  );
}

function Revoke({ path, keyOf, onClose }: { readonly path: Path; readonly keyOf: ClientKey; readonly onClose: () => void }) {
  const t = useMessages();
  const revoke = useChange("DELETE /admin/clients/{client_id}/keys/{key_id}", { refreshes: [READ], onDone: onClose });
  return <Confirm title={t.clients.revokeAsk} description={t.clients.revokeLead} action={t.clients.revoke} isOpen isBusy={revoke.isPending} onClose={onClose} onConfirm={() => revoke.mutate({ path: { ...path, key_id: keyOf.id } })} />;
}
