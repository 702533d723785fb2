/** API tokens: what scripts show to act for an admin. */

import { KeyRound } from "lucide-react";
import { useState } from "react";

import { useChange, useRead } from "../api/query.ts";
import type { ApiTokenItem } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { OWNERS, type Role, useMay, useSession } from "../session.tsx";
import { AskedButton } from "../ui/asked-button.tsx";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useToasts } from "../ui/toast.tsx";
import { MakeToken, READ_TOKENS } from "./token-make.tsx";

type State = "working" | "over" | "revoked";

const TONES: Readonly<Record<State, Tone>> = { working: "good", over: "plain", revoked: "plain" };

export function Component() {
  const t = useMessages();
  const read = useRead(READ_TOKENS, {});
  const [isMaking, setMaking] = useState(false);
  const makes = <Button icon={KeyRound} look="primary" onClick={() => setMaking(true)}>{t.tokens.make}</Button>;
  return (
    <Page title={t.tokens.title} lead={t.tokens.lead} actions={makes}>
      <List label={t.tokens.title} read={read} rowsOf={({ tokens }) => tokens} columns={useColumns()} keyOf={({ id }) => id} empty={<Empty title={t.tokens.empty} icon={KeyRound}>{t.tokens.emptyLead}</Empty>} />
      {isMaking && <MakeToken onClose={() => setMaking(false)} />}
    </Page>
  );
}

function useColumns(): readonly Column<ApiTokenItem>[] {
  const t = useMessages();
  const formats = useFormats();
  const own = useSession().admin.email;
  const seesOthers = useMay(OWNERS);
  const owner = { id: "owner", title: t.tokens.owner, cell: ({ owner: email }: ApiTokenItem) => (email === own ? t.tokens.you : <bdi dir="ltr" className="wrap-anywhere">{email}</bdi>), sort: ({ owner: email }: ApiTokenItem) => email };
  return [
    { id: "name", title: t.common.name, isPrimary: true, cell: ({ name }) => <bdi className="wrap-anywhere">{name}</bdi>, sort: ({ name }) => name },
    ...(seesOthers ? [owner] : []),
    { id: "may", title: t.tokens.may, cell: ({ role, scope }) => <>{t.admins.roles[role as Role]} <Badge tone={scope === "write" ? "accent" : "plain"}>{t.tokens.scopes[scope]}</Badge></> },
    { id: "reach", title: t.admins.reach, cell: ({ client_ids }) => (client_ids === null ? t.admins.whole : t.admins.clientCount(client_ids.length)) },
    { id: "used", title: t.tokens.used, cell: ({ last_used_at }) => (last_used_at === null ? t.tokens.unused : formats.ago(last_used_at)), sort: ({ last_used_at }) => last_used_at ?? "" },
    { id: "state", title: t.common.status, cell: (token) => <TokenState token={token} />, sort: ({ expires_at }) => expires_at },
    { id: "revoke", title: "", cell: (token) => stateOf(token) === "working" && <Revoke token={token} /> },
  ];
}

function TokenState({ token }: { readonly token: ApiTokenItem }) {
  const t = useMessages();
  const formats = useFormats();
  const state = stateOf(token);
  return <span className="inline-flex flex-wrap items-center gap-1"><Badge tone={TONES[state]}>{t.tokens.states[state]}</Badge> <span className="text-faint">{formats.date(token.revoked_at ?? token.expires_at)}</span></span>;
}

function stateOf({ revoked_at, expires_at }: ApiTokenItem): State {
  if (revoked_at !== null) return "revoked";
  return Date.parse(expires_at) <= Date.now() ? "over" : "working";
}

function Revoke({ token: { id, name } }: { readonly token: ApiTokenItem }) {
  const t = useMessages();
  const toasts = useToasts();
  const revoke = useChange("DELETE /admin/tokens/{token_id}", { refreshes: [READ_TOKENS], onDone: () => toasts.say(t.tokens.revoked(name)) });
  return <AskedButton action={t.clients.revoke} title={t.tokens.revokeAsk(name)} description={t.tokens.revokeLead} isBusy={revoke.isPending} onConfirm={() => revoke.mutate({ path: { token_id: id } })} />;
}
