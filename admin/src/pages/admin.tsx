/** One admin: what they may do, and whether they may come in. */

import { KeyRound, LockOpen } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useParams } from "react-router";

import { useChange, useRead } from "../api/query.ts";
import type { AdminItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import type { Role } from "../session.tsx";
import { AskedButton } from "../ui/asked-button.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { Page } from "../ui/page.tsx";
import { Refused, Shown } from "../ui/states.tsx";
import { Card, Facts, Mono } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { type Rights, RightsFields, isWithoutClient } from "./admin-fields.tsx";
import { OneTimeLink, READ_ADMINS } from "./admin-invite.tsx";
import { AdminState, isLocked } from "./admins.tsx";

const READ = "GET /admin/admins/{admin_id}";
const REFRESHES = [READ, READ_ADMINS] as const;

interface Path {
  readonly admin_id: string;
}

export function Component() {
  const t = useMessages();
  const path = { admin_id: useParams()["adminId"] ?? "" };
  const read = useRead(READ, { path });
  return (
    <Page title={read.data?.email ?? t.admins.title} actions={read.data && <AdminActions admin={read.data} path={path} />}>
      <Shown read={read}>
        {(admin) => (
          <div className="grid items-start gap-4 lg:grid-cols-2">
            <Details admin={admin} />
            <RightsForm key={JSON.stringify([admin.role, admin.client_ids])} admin={admin} path={path} />
          </div>
        )}
      </Shown>
    </Page>
  );
}

function Details({ admin }: { readonly admin: AdminItem }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <Card title={t.common.details}>
      <Facts
        facts={[
          [t.common.status, <AdminState admin={admin} />],
          [t.login.email, <bdi dir="ltr">{admin.email}</bdi>],
          ["ID", <Mono>{admin.id}</Mono>],
          [t.common.created, formats.dateTime(admin.created_at)],
          [t.admins.linked, admin.is_linked ? t.common.yes : t.common.no],
        ]}
      />
      {isLocked(admin) && admin.locked_until && <p className="mt-3 text-soft">{t.admins.lockedUntil(formats.dateTime(admin.locked_until))}</p>}
    </Card>
  );
}

function AdminActions({ admin, path }: { readonly admin: AdminItem; readonly path: Path }) {
  const t = useMessages();
  const toasts = useToasts();
  const [isLinkShown, setLinkShown] = useState(false);
  const unlock = useChange("POST /admin/admins/{admin_id}/unlock", { refreshes: REFRESHES, onDone: () => toasts.say(t.admins.unlocked) });
  const reset = useChange("POST /admin/admins/{admin_id}/reset", { refreshes: REFRESHES, onDone: () => setLinkShown(true) });
  const resetFactor = useChange("DELETE /admin/admins/{admin_id}/second-factor", { refreshes: REFRESHES });
  const change = useChange("PATCH /admin/admins/{admin_id}", { refreshes: REFRESHES });
  if (!admin.is_active) return <Button look="primary" isBusy={change.isPending} onClick={() => change.mutate({ path, body: { is_active: true } })}>{t.admins.activate}</Button>;
  return (
    <>
      {isLocked(admin) && <Button icon={LockOpen} isBusy={unlock.isPending} onClick={() => unlock.mutate({ path })}>{t.admins.unlock}</Button>}
      {admin.has_second_factor && <AskedButton look="plain" action={t.factor.reset} title={t.factor.resetAsk(admin.email)} description={t.factor.resetLead} isBusy={resetFactor.isPending} onConfirm={() => resetFactor.mutate({ path })} />}
      <AskedButton icon={KeyRound} look="plain" action={t.admins.reset} title={t.admins.resetAsk(admin.email)} description={t.admins.resetLead} isBusy={reset.isPending} onConfirm={() => reset.mutate({ path })} />
      <AskedButton action={t.admins.deactivate} title={t.admins.deactivateAsk(admin.email)} description={t.admins.deactivateLead} isBusy={change.isPending} onConfirm={() => change.mutate({ path, body: { is_active: false } })} />
      {reset.data && <Dialog title={t.admins.link} isOpen={isLinkShown} onClose={() => setLinkShown(false)}><OneTimeLink link={reset.data} /></Dialog>}
    </>
  );
}

function RightsForm({ admin, path }: { readonly admin: AdminItem; readonly path: Path }) {
  const t = useMessages();
  const toasts = useToasts();
  const [rights, setRights] = useState<Rights>({ role: admin.role as Role, client_ids: admin.client_ids });
  const [isSubmitted, setSubmitted] = useState(false);
  const change = useChange("PATCH /admin/admins/{admin_id}", { refreshes: REFRESHES, isQuiet: true, onDone: () => toasts.say(t.common.saved) });
  const save = (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (!isWithoutClient(rights)) change.mutate({ path, body: rights });
  };
  return (
    <Card title={t.admins.change} hint={t.admins.changeLead}>
      <form noValidate className="grid gap-4" onSubmit={save}>
        <Refused error={change.error} />
        <RightsFields rights={rights} error={isSubmitted && isWithoutClient(rights) ? t.admins.noneChosen : undefined} onChange={setRights} />
        <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button></Actions>
      </form>
    </Card>
  );
}
