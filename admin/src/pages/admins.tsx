/** Who may sign in. */

import { UserPlus } from "lucide-react";
import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { AdminItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import type { Role } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor } from "../url.ts";
import { InviteAdmin, READ_ADMINS } from "./admin-invite.tsx";

type State = "active" | "inactive" | "invited" | "locked";

const TONES: Readonly<Record<State, Tone>> = { active: "good", inactive: "plain", invited: "accent", locked: "bad" };

export function Component() {
  const t = useMessages();
  const { before } = useCursor();
  const read = useRead(READ_ADMINS, { query: { before: before ?? null } });
  const [isInviting, setInviting] = useState(false);
  return (
    <Page title={t.admins.title} lead={t.admins.lead} actions={<Button icon={UserPlus} look="primary" onClick={() => setInviting(true)}>{t.admins.invite}</Button>}>
      <List label={t.admins.title} read={read} rowsOf={({ admins }) => admins} nextOf={({ next }) => next} columns={useColumns()} keyOf={({ id }) => id} linkOf={({ id }) => id} empty={<Empty title={t.admins.empty} />} />
      {isInviting && <InviteAdmin onClose={() => setInviting(false)} />}
    </Page>
  );
}

function useColumns(): readonly Column<AdminItem>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "email", title: t.login.email, isPrimary: true, cell: ({ email }) => <bdi dir="ltr">{email}</bdi> },
    { id: "role", title: t.admins.role, cell: ({ role }) => t.admins.roles[role as Role] },
    { id: "reach", title: t.admins.reach, cell: ({ client_ids }) => (client_ids === null ? t.admins.whole : t.admins.clientCount(client_ids.length)) },
    { id: "state", title: t.common.status, cell: (admin) => <AdminState admin={admin} /> },
    { id: "created", title: t.common.created, cell: ({ created_at }) => formats.date(created_at) },
  ];
}

export function AdminState({ admin }: { readonly admin: AdminItem }) {
  const t = useMessages();
  const state = stateOf(admin);
  return <Badge tone={TONES[state]}>{t.admins.states[state]}</Badge>;
}

function stateOf(admin: AdminItem): State {
  if (!admin.is_active) return "inactive";
  if (isLocked(admin)) return "locked";
  return admin.has_password || admin.is_linked ? "active" : "invited";
}

export function isLocked({ locked_until }: AdminItem): boolean {
  return locked_until !== null && Date.parse(locked_until) > Date.now();
}
