/** What an admin may do, and for which clients. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { ALL_ROLES, type Role, useIsOfInstallation } from "../session.tsx";
import { Checkbox, FilterText, SelectField } from "../ui/field.tsx";

export interface Rights {
  readonly role: Role;
  /** null is the whole installation. */
  readonly client_ids: readonly string[] | null;
}

interface Props {
  readonly rights: Rights;
  readonly error: string | undefined;
  readonly onChange: (rights: Rights) => void;
}

export function RightsFields({ rights, error, onChange }: Props) {
  const t = useMessages();
  const isOfInstallation = useIsOfInstallation();
  const { role, client_ids } = rights;
  const reaches = [...(isOfInstallation ? [{ value: "whole", label: t.admins.whole }] : []), { value: "some", label: t.admins.some }];
  return (
    <>
      <SelectField
        label={t.admins.role}
        hint={t.admins.rights[role]}
        value={role}
        choices={ALL_ROLES.map((value) => ({ value, label: t.admins.roles[value] }))}
        onChange={(event) => onChange({ ...rights, role: event.target.value as Role })}
      />
      <SelectField
        label={t.admins.reach}
        value={client_ids === null ? "whole" : "some"}
        choices={reaches}
        onChange={(event) => onChange({ ...rights, client_ids: event.target.value === "whole" ? null : [] })}
      />
      {client_ids !== null && <ClientsField chosen={client_ids} error={error} onChange={(chosen) => onChange({ ...rights, client_ids: chosen })} />}
    </>
  );
}

interface ClientsProps {
  readonly chosen: readonly string[];
  readonly error: string | undefined;
  readonly onChange: (chosen: readonly string[]) => void;
}

const SHOWN_AT_MOST = 100;

export function ClientsField({ chosen, error, onChange }: ClientsProps) {
  const t = useMessages();
  const [typed, setTyped] = useState("");
  const { data } = useRead("GET /admin/clients", { query: { search: typed, limit: SHOWN_AT_MOST } });
  const found = (data?.clients ?? []).map(({ id, name }) => ({ id, name }));
  const others = chosen.filter((id) => found.every((client) => client.id !== id)).map((id) => ({ id, name: id }));
  const toggle = (id: string, isChosen: boolean) => onChange(isChosen ? [...chosen, id] : chosen.filter((each) => each !== id));
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1 text-sm font-medium">{t.admins.chosen}</legend>
      <FilterText label={t.admins.findClient} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <div className="grid max-h-56 gap-2 overflow-y-auto rounded-md border border-line p-2" tabIndex={0} role="group" aria-label={t.admins.chosen}>
        {[...found, ...others].map(({ id, name }) => <Checkbox key={id} label={name} checked={chosen.includes(id)} onChange={(event) => toggle(id, event.target.checked)} />)}
      </div>
      {error && <p role="alert" className="text-xs font-medium text-bad">{error}</p>}
    </fieldset>
  );
}

/** What an invitation begins with: who is bound to clients gives away no more than those. */
export function useFirstRights(): Rights {
  return { role: "viewer", client_ids: useIsOfInstallation() ? null : [] };
}

export function isWithoutClient({ client_ids }: Rights): boolean {
  return client_ids?.length === 0;
}
