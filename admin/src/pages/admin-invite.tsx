/** A new admin, and the link to hand on, which is shown this once. */

import { useState } from "react";
import { useForm } from "react-hook-form";

import { useChange } from "../api/query.ts";
import type { AdminLinkItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Refused } from "../ui/states.tsx";
import { Code, Notice } from "../ui/surface.tsx";
import { RightsFields, isWithoutClient, useFirstRights } from "./admin-fields.tsx";

export const READ_ADMINS = "GET /admin/admins";

export function InviteAdmin({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm({ defaultValues: { email: "" } });
  const [rights, setRights] = useState(useFirstRights());
  const invite = useChange("POST /admin/admins", { refreshes: [READ_ADMINS], isQuiet: true });
  if (invite.data) return <Dialog title={t.admins.invited(invite.data.admin.email)} isOpen onClose={onClose}><OneTimeLink link={invite.data.link} /></Dialog>;
  const isRefused = formState.isSubmitted && isWithoutClient(rights);
  const send = ({ email }: { readonly email: string }) => !isWithoutClient(rights) && invite.mutate({ body: { email, ...rights } });
  return (
    <Dialog title={t.admins.invite} isOpen onClose={onClose}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(send)(event)}>
        <Refused error={invite.error} />
        <TextField label={t.login.email} type="email" dir="ltr" autoComplete="off" isRequired error={formState.errors.email?.message} {...register("email", { required: t.schemaForm.required })} />
        <RightsFields rights={rights} error={isRefused ? t.admins.noneChosen : undefined} onChange={setRights} />
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={invite.isPending}>{t.admins.invite}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}

export function OneTimeLink({ link: { url, expires_at } }: { readonly link: AdminLinkItem }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <div className="grid gap-3">
      <Notice>{t.admins.linkOnce} {t.admins.linkUntil(formats.dateTime(expires_at))}</Notice>
      <Code label={t.admins.link} text={url} />
    </div>
  );
}
