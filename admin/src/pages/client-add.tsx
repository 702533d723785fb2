/** A new client, and its keys, which are shown this once. */

import { useForm } from "react-hook-form";

import { ApiProblem } from "../api/client.ts";
import { useChange } from "../api/query.ts";
import type { MadeClient } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { linesOf } from "../lines.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { useReason } from "../ui/states.tsx";
import { Code, Notice } from "../ui/surface.tsx";

export function AddClient({ onClose }: { readonly onClose: () => void }) {
  const t = useMessages();
  const { register, handleSubmit, formState, getValues } = useForm({ defaultValues: { name: "", domain: "", origins: "" } });
  const add = useChange("POST /admin/clients", { refreshes: ["GET /admin/clients"], isQuiet: true });
  const faults = add.error instanceof ApiProblem ? add.error.fields : {};
  if (add.data) return <Dialog title={t.clients.made(getValues("name"))} isOpen onClose={onClose}><NewKeys made={add.data} /></Dialog>;
  return (
    <Dialog title={t.clients.add} isOpen onClose={onClose}>
      <form
        noValidate
        className="grid gap-4"
        onSubmit={(event) => void handleSubmit(({ name, domain, origins }) => add.mutate({ body: { name, domain: domain.trim() || null, origins: linesOf(origins) } }))(event)}
      >
        {add.error && <div role="alert"><Notice tone="bad"><Reason error={add.error} /></Notice></div>}
        <TextField label={t.clients.name} dir="auto" isRequired error={formState.errors.name?.message ?? faults["name"]} {...register("name", { required: t.schemaForm.required })} />
        <TextField label={t.clients.domain} dir="ltr" placeholder="shop.example" error={faults["domain"]} {...register("domain")} />
        <TextArea label={t.clients.origins} hint={t.clients.originsHint} dir="ltr" error={faults["origins"]} {...register("origins")} />
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={add.isPending}>{t.clients.add}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

function NewKeys({ made }: { readonly made: MadeClient }) {
  const t = useMessages();
  const shown = [
    [t.clients.publishable, made.publishable_key],
    [t.clients.secret, made.secret_key],
    [t.clients.identity, made.identity_secret],
    [t.clients.embed, made.embed_code],
  ] as const;
  return (
    <div className="grid gap-3">
      <Notice>{t.clients.keysOnce}</Notice>
      {shown.map(([label, text]) => (
        <div key={label} className="grid gap-1">
          <p className="font-medium">{label}</p>
          <Code label={label} text={text} />
        </div>
      ))}
      <Actions><ButtonLink look="primary" to={`/clients/${made.id}`}>{t.clients.toClient}</ButtonLink></Actions>
    </div>
  );
}
