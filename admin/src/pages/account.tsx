/** The own account: where one is signed in, and the password. */

import { useForm } from "react-hook-form";

import { useChange, useRead } from "../api/query.ts";
import type { SessionItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { type Role, useSession } from "../session.tsx";
import { useLeave } from "../sign-in.ts";
import { AskedButton } from "../ui/asked-button.tsx";
import { Button } from "../ui/button.tsx";
import { Actions } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Refused, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { SecondFactor } from "./second-factor.tsx";

const READ = "GET /admin/auth/sessions";

export function Component() {
  const t = useMessages();
  const { admin } = useSession();
  const password = admin.has_password ? <Password /> : <Card title={t.account.password}><p>{t.account.noPassword}</p></Card>;
  const facts = [
    [t.login.email, <bdi dir="ltr">{admin.email}</bdi>],
    [t.admins.role, `${t.admins.roles[admin.role as Role]}. ${t.admins.rights[admin.role as Role]}`],
    [t.admins.reach, admin.client_ids === null ? t.admins.whole : t.admins.clientCount(admin.client_ids.length)],
  ] as const;
  return (
    <Page title={t.account.title} lead={t.account.lead}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="grid gap-4">
          <Card title={t.common.details}><Facts facts={facts} /></Card>
          <SecondFactor />
        </div>
        {password}
      </div>
      <Sessions />
    </Page>
  );
}

function Sessions() {
  const t = useMessages();
  const read = useRead(READ, {});
  const columns = useColumns();
  const endAll = useChange("DELETE /admin/auth/sessions", { onDone: useLeave() });
  return (
    <Card
      title={t.account.sessions}
      isFlush
      actions={<AskedButton action={t.account.everywhere} title={`${t.account.everywhere}?`} description={t.account.everywhereLead} isBusy={endAll.isPending} onConfirm={() => endAll.mutate({})} />}
    >
      <Shown read={read} rows={3}>{({ sessions }) => <Table label={t.account.sessions} columns={columns} rows={sessions} keyOf={({ id }) => id} empty={null} />}</Shown>
    </Card>
  );
}

function useColumns(): readonly Column<SessionItem>[] {
  const t = useMessages();
  const formats = useFormats();
  const toasts = useToasts();
  const end = useChange("DELETE /admin/auth/sessions/{session_id}", { refreshes: [READ], onDone: () => toasts.say(t.account.ended) });
  const ender = ({ id, is_this }: SessionItem) =>
    is_this ? <Badge tone="accent">{t.account.thisOne}</Badge> : <Button look="danger" isBusy={end.isPending} onClick={() => end.mutate({ path: { session_id: id } })}>{t.account.end}</Button>;
  return [
    { id: "agent", title: t.account.agent, isPrimary: true, cell: ({ agent }) => <bdi className="wrap-anywhere">{agent || t.account.unknownAgent}</bdi> },
    { id: "since", title: t.account.since, cell: ({ created_at }) => formats.dateTime(created_at) },
    { id: "until", title: t.account.until, cell: ({ expires_at }) => formats.dateTime(expires_at) },
    { id: "end", title: t.common.actions, cell: ender },
  ];
}

const EMPTY = { current: "", next: "", repeated: "" };

function Password() {
  const t = useMessages();
  const toasts = useToasts();
  const { register, handleSubmit, formState, reset, getValues } = useForm({ defaultValues: EMPTY });
  const change = useChange("POST /admin/auth/password", {
    refreshes: [READ],
    isQuiet: true,
    onDone: () => {
      reset();
      toasts.say(t.account.passwordChanged);
    },
  });
  const { errors } = formState;
  const isNeeded = { required: t.schemaForm.required };
  const isSame = (text: string) => text === getValues("next") || t.account.different;
  return (
    <Card title={t.account.password} hint={t.account.passwordLead}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(({ current, next }) => change.mutate({ body: { current, new: next } }))(event)}>
        <Refused error={change.error} />
        <TextField label={t.account.current} type="password" dir="ltr" autoComplete="current-password" error={errors.current?.message} {...register("current", isNeeded)} />
        <TextField label={t.account.next} hint={t.account.passwordHint} type="password" dir="ltr" autoComplete="new-password" error={errors.next?.message} {...register("next", isNeeded)} />
        <TextField label={t.account.repeat} type="password" dir="ltr" autoComplete="new-password" error={errors.repeated?.message} {...register("repeated", { validate: isSame })} />
        <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{t.account.changePassword}</Button></Actions>
      </form>
    </Card>
  );
}
