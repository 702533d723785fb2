/** Coming in by a one-time link: choose a password, and be signed in. The link's token stands in the fragment of the address. */

import { useEffect } from "react";
import { useForm } from "react-hook-form";
import { useLocation } from "react-router";

import { ApiProblem } from "../api/client.ts";
import { useChange } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { useSignIn } from "../sign-in.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Failure, Refused, Skeleton } from "../ui/states.tsx";
import { Card, Mono } from "../ui/surface.tsx";

export function Component() {
  const t = useMessages();
  const token = new URLSearchParams(useLocation().hash.slice(1)).get("token") ?? "";
  const { mutate: check, data: owner, error } = useChange("POST /admin/auth/link", { isQuiet: true });
  useEffect(() => check({ body: { token } }), [check, token]);
  return (
    <main className="mx-auto grid min-h-dvh w-full max-w-md content-center">
      {owner ? <Choose key={token} token={token} owner={owner.email} /> : error ? <Invalid error={error} /> : <Page title={t.welcome.title} lead={t.welcome.checking}><Skeleton rows={3} /></Page>}
    </main>
  );
}

function Invalid({ error }: { readonly error: Error }) {
  const t = useMessages();
  if (!(error instanceof ApiProblem) || error.code !== "link_invalid") return <Page title={t.welcome.title}><Failure error={error} onRetry={() => location.reload()} /></Page>;
  return (
    <Page title={t.welcome.invalid}>
      <p className="text-soft">{t.welcome.invalidLead} <Mono>csai admin link</Mono></p>
      <ButtonLink look="primary" to="/login">{t.welcome.toSignIn}</ButtonLink>
    </Page>
  );
}

interface Values {
  readonly email: string;
  readonly password: string;
  readonly repeated: string;
}

/** `owner` is null for the link that makes the first admin, who says their address. */
function Choose({ token, owner }: { readonly token: string; readonly owner: string | null }) {
  const t = useMessages();
  const { register, handleSubmit, formState, getValues } = useForm<Values>({ defaultValues: { email: owner ?? "", password: "", repeated: "" } });
  const signIn = useSignIn("/");
  const choose = useChange("POST /admin/auth/welcome", {
    isQuiet: true,
    onDone: ({ email }, { body }) => signIn.mutate({ body: { email: email ?? "", password: body.password } }),
  });
  const submit = ({ email, password }: Values) => choose.mutate({ body: { token, password, email: owner === null ? email : null } });
  const { errors } = formState;
  const isSame = (text: string) => text === getValues("password") || t.account.different;
  return (
    <Page title={t.welcome.title} lead={owner === null ? t.welcome.firstLead : t.welcome.lead}>
      <Card>
        <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(submit)(event)}>
          <Refused error={choose.error ?? signIn.error} />
          <TextField label={t.login.email} type="email" dir="ltr" autoComplete="username" readOnly={owner !== null} error={errors.email?.message} {...register("email", { required: t.login.emailMissing })} />
          <TextField label={t.login.password} hint={t.account.passwordHint} type="password" dir="ltr" autoComplete="new-password" error={errors.password?.message} {...register("password", { required: t.login.passwordMissing })} />
          <TextField label={t.account.repeat} type="password" dir="ltr" autoComplete="new-password" error={errors.repeated?.message} {...register("repeated", { validate: isSame })} />
          {choose.isSuccess && signIn.error ? <ButtonLink look="primary" to="/login">{t.welcome.toSignIn}</ButtonLink> : <Button type="submit" look="primary" isBusy={choose.isPending || signIn.isPending}>{t.welcome.submit}</Button>}
        </form>
      </Card>
    </Page>
  );
}
