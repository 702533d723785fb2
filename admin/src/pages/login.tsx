/** Signing in: by e-mail address and password, or by the identity provider. */

import { useEffect, useState } from "react";
import { useForm } from "react-hook-form";
import { useLocation, useSearchParams } from "react-router";

import { ApiProblem } from "../api/client.ts";
import { useMessages } from "../language.tsx";
import { useSignIn } from "../sign-in.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Page } from "../ui/page.tsx";
import { Refused } from "../ui/states.tsx";
import { Mono } from "../ui/surface.tsx";
import { ByProvider, Finish, refusalOf, wantedBefore } from "./login-provider.tsx";

interface Values {
  readonly email: string;
  readonly password: string;
  readonly code: string;
}

export function Component() {
  const t = useMessages();
  // What the identity provider's answer came to, where the browser was sent there.
  const outcome = new URLSearchParams(useLocation().hash.slice(1)).get("oidc");
  const wanted = useSearchParams()[0].get("next");
  const next = safeNext(outcome === null ? wanted : wantedBefore());
  return (
    <main className="mx-auto grid min-h-dvh w-full max-w-md content-center">
      <Page title={t.login.title} lead={t.login.lead}>
        {outcome === "done" ? (
          <Finish next={next} />
        ) : (
          <>
            <div className="grid gap-4 rounded-lg border border-line bg-surface p-4">
              <ByPassword next={next} refusal={refusalOf(outcome, t)} />
              <ByProvider next={next} isAgain={outcome !== null} />
            </div>
            <p className="text-sm text-faint">{t.login.first} <Mono>csai admin create</Mono></p>
          </>
        )}
      </Page>
    </main>
  );
}

function ByPassword({ next, refusal }: { readonly next: string; readonly refusal: Error | null }) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm<Values>();
  const signIn = useSignIn(next);
  // It stays while the next attempt is on its way, which has no refusal yet.
  const [isCodeAsked, setCodeAsked] = useState(false);
  useEffect(() => {
    if (signIn.error instanceof ApiProblem && signIn.error.code === "second_factor_needed") setCodeAsked(true);
  }, [signIn.error]);
  return (
    <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(({ email, password, code }) => signIn.mutate({ body: { email, password, code: code || null } }))(event)}>
      <Refused error={signIn.isIdle ? refusal : signIn.error} />
      <TextField label={t.login.email} type="email" dir="ltr" autoComplete="username" error={formState.errors.email?.message} {...register("email", { required: t.login.emailMissing })} />
      <TextField label={t.login.password} type="password" dir="ltr" autoComplete="current-password" error={formState.errors.password?.message} {...register("password", { required: t.login.passwordMissing })} />
      {isCodeAsked && <TextField label={t.factor.code} hint={t.factor.codeHint} dir="ltr" autoComplete="one-time-code" {...register("code")} />}
      <Button type="submit" look="primary" isBusy={signIn.isPending}>{t.login.submit}</Button>
    </form>
  );
}

/** An address of ours, whatever a link to this page says. */
function safeNext(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : "/";
}
