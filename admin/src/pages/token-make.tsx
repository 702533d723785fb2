/** A new API token, which is shown this once. */

import { useState } from "react";
import { useForm } from "react-hook-form";

import { useChange } from "../api/query.ts";
import { useFormats, useMessages } from "../language.tsx";
import { ALL_ROLES, type Role, useSession } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { Refused } from "../ui/states.tsx";
import { Code, Notice } from "../ui/surface.tsx";
import { ClientsField } from "./admin-fields.tsx";

export const READ_TOKENS = "GET /admin/tokens";
const SCOPES = ["read", "write"] as const;
const MOST_CHARS = 60;
const MOST_DAYS = 366;
const FIRST: Values = { name: "", scope: "read", role: "viewer", days: "90", reach: "whole" };

interface Values {
  readonly name: string;
  readonly scope: (typeof SCOPES)[number];
  readonly role: Role;
  readonly days: string;
  readonly reach: "whole" | "some";
}

export function MakeToken({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages();
  const make = useChange("POST /admin/tokens", { refreshes: [READ_TOKENS], isQuiet: true });
  const { register, handleSubmit, watch, formState: { errors, isSubmitted } } = useForm<Values>({ defaultValues: FIRST });
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const own = useSession().admin.role as Role;
  const roles = ALL_ROLES.slice(ALL_ROLES.indexOf(own)).map((value) => ({ value, label: t.admins.roles[value] }));
  const reaches = [{ value: "whole", label: t.tokens.whole }, { value: "some", label: t.admins.some }];
  const isSome = watch("reach") === "some";
  const isWithoutClient = isSome && chosen.length === 0;
  const send = ({ name, scope, role, days }: Values) =>
    isWithoutClient || make.mutate({ body: { name: name.trim(), scope, role, expires_in_days: Number(days), client_ids: isSome ? chosen : null } });
  const isCount = (text: string) => (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_DAYS) || t.tokens.daysInvalid(MOST_DAYS);
  if (make.data) return <Dialog title={t.tokens.made(make.data.name)} isOpen onClose={onClose}><Made token={make.data.token} until={make.data.expires_at} onClose={onClose} /></Dialog>;
  return (
    <Dialog title={t.tokens.make} description={t.tokens.makeLead} isOpen onClose={onClose}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(send)(event)}>
        <Refused error={make.error} />
        <TextField label={t.common.name} hint={t.tokens.nameHint} dir="auto" maxLength={MOST_CHARS} autoComplete="off" isRequired error={errors.name?.message} {...register("name", { validate: (text) => text.trim() !== "" || t.schemaForm.required })} />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField label={t.tokens.scope} hint={t.tokens.scopeHints[watch("scope")]} choices={SCOPES.map((value) => ({ value, label: t.tokens.scopes[value] }))} {...register("scope")} />
          <SelectField label={t.admins.role} hint={t.admins.rights[watch("role")]} choices={roles} {...register("role")} />
          <TextField label={t.tokens.days} inputMode="numeric" dir="ltr" isRequired error={errors.days?.message} {...register("days", { validate: isCount })} />
          <SelectField label={t.admins.reach} choices={reaches} {...register("reach")} />
        </div>
        {isSome && <ClientsField chosen={chosen} error={isSubmitted && isWithoutClient ? t.admins.noneChosen : undefined} onChange={setChosen} />}
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>{t.tokens.make}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Made({ token, until, onClose }: { readonly token: string; readonly until: string; readonly onClose: () => void }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <div className="grid gap-3">
      <Notice>{t.tokens.once} {t.admins.linkUntil(formats.dateTime(until))}</Notice>
      <Code label={t.tokens.token} text={token} />
      <p className="text-soft">{t.tokens.usage}</p>
      <Actions><Button look="primary" onClick={onClose}>{t.common.close}</Button></Actions>
    </div>
  );
}
