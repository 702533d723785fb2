/** The own second factor: codes of an authenticator app, asked for beside the password. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";

import { SESSION, useChange } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { useSession } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { QrCode } from "../ui/qr-code.tsx";
import { Refused } from "../ui/states.tsx";
import { Badge, Card, Code, Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";

export function SecondFactor() {
  const t = useMessages();
  const { has_second_factor } = useSession().admin;
  const cache = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  // Not sooner: the card turns with it, and the recovery codes are shown this once.
  const close = () => {
    setOpen(false);
    void cache.invalidateQueries({ queryKey: [SESSION] });
  };
  return (
    <Card title={t.factor.title} hint={t.factor.lead} actions={<Badge tone={has_second_factor ? "good" : "plain"}>{has_second_factor ? t.common.on : t.common.off}</Badge>}>
      <Button onClick={() => setOpen(true)}>{has_second_factor ? t.factor.takeOff : t.factor.begin}</Button>
      {isOpen && (has_second_factor ? <TakeOff onClose={close} /> : <Begin onClose={close} />)}
    </Card>
  );
}

interface Closable {
  readonly onClose: () => void;
}

/** Password where there is one, then the secret for the app, then a code of it, then the recovery codes. */
function Begin({ onClose }: Closable) {
  const t = useMessages();
  const { has_password } = useSession().admin;
  const begin = useChange("POST /admin/auth/second-factor", { isQuiet: true });
  const send = (password: string) => begin.mutate({ body: { password } });
  return (
    <Dialog title={t.factor.begin} isOpen onClose={onClose}>
      {begin.data ? (
        <Enrol secret={begin.data.secret} uri={begin.data.uri} onClose={onClose} />
      ) : has_password ? (
        <Asked label={t.account.current} type="password" autoComplete="current-password" action={t.factor.next} change={begin} onSend={send} />
      ) : (
        <div className="grid gap-4">
          <Refused error={begin.error} />
          <p>{t.factor.withoutPassword}</p>
          <Actions><Button look="primary" isBusy={begin.isPending} onClick={() => send("")}>{t.factor.next}</Button></Actions>
        </div>
      )}
    </Dialog>
  );
}

function Enrol({ secret, uri, onClose }: Closable & { readonly secret: string; readonly uri: string }) {
  const t = useMessages();
  const confirm = useChange("POST /admin/auth/second-factor/confirm", { refreshes: ["GET /admin/auth/sessions"], isQuiet: true });
  if (confirm.data) return <RecoveryCodes codes={confirm.data.codes} onClose={onClose} />;
  return (
    <div className="grid gap-4">
      <p>{t.factor.enrol}</p>
      <QrCode text={uri} label={t.factor.qr} />
      <Code label={t.factor.secret} text={secret} />
      <Code label={t.factor.uri} text={uri} />
      <Asked label={t.factor.code} autoComplete="one-time-code" action={t.factor.begin} change={confirm} onSend={(code) => confirm.mutate({ body: { code } })} />
    </div>
  );
}

function RecoveryCodes({ codes, onClose }: Closable & { readonly codes: readonly string[] }) {
  const t = useMessages();
  return (
    <div className="grid gap-3">
      <Notice>{t.factor.codesOnce}</Notice>
      <Code label={t.factor.codes} text={codes.join("\n")} />
      <Actions><Button look="primary" onClick={onClose}>{t.factor.kept}</Button></Actions>
    </div>
  );
}

function TakeOff({ onClose }: Closable) {
  const t = useMessages();
  const toasts = useToasts();
  const takeOff = useChange("POST /admin/auth/second-factor/off", {
    isQuiet: true,
    onDone: () => {
      onClose();
      toasts.say(t.factor.isOff);
    },
  });
  return (
    <Dialog title={t.factor.takeOff} isOpen onClose={onClose}>
      <Asked label={t.factor.code} autoComplete="one-time-code" action={t.factor.takeOff} change={takeOff} onSend={(code) => takeOff.mutate({ body: { code } })} />
    </Dialog>
  );
}

interface AskedProps {
  readonly label: string;
  readonly type?: "password" | "text";
  readonly autoComplete: string;
  readonly action: string;
  readonly change: { readonly error: Error | null; readonly isPending: boolean };
  readonly onSend: (text: string) => void;
}

function Asked({ label, type = "text", autoComplete, action, change, onSend }: AskedProps) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm({ defaultValues: { text: "" } });
  return (
    <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(({ text }) => onSend(text))(event)}>
      <Refused error={change.error} />
      <TextField label={label} type={type} dir="ltr" autoComplete={autoComplete} error={formState.errors.text?.message} {...register("text", { required: t.schemaForm.required })} />
      <Actions><Button type="submit" look="primary" isBusy={change.isPending}>{action}</Button></Actions>
    </form>
  );
}
