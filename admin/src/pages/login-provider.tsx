/** Signing in by the identity provider: there, and back with what came of it in the fragment of the address. */

import { useEffect, useRef, useState } from "react";
import { useForm } from "react-hook-form";
import { Navigate } from "react-router";

import { ApiProblem } from "../api/client.ts";
import { useChange, useRead } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import type { Messages } from "../messages/en/index.ts";
import { useEnter } from "../sign-in.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Failure, Refused, Skeleton } from "../ui/states.tsx";
import { Card } from "../ui/surface.tsx";

/** Where one wanted to go; this tab knows it again after it was at the provider. */
const WANTED = "csai.wanted";
const OF_CODE = ["second_factor_needed", "second_factor_invalid"];

export function wantedBefore(): string | null {
  return sessionStorage.getItem(WANTED);
}

/** Why nobody came in; an outcome that is none of ours says no more than that. */
export function refusalOf(outcome: string | null, t: Messages): Error | null {
  return outcome === null ? null : new ApiProblem(403, { code: outcome in t.problems ? outcome : "oidc_invalid" });
}

/** `isAgain`: let the provider ask which account, as it would take the same one without a word. */
export function ByProvider({ next, isAgain }: { readonly next: string; readonly isAgain: boolean }) {
  const t = useMessages();
  const { data } = useRead("GET /admin/auth/methods", {});
  const begin = useChange("POST /admin/auth/oidc", {
    isQuiet: true,
    onDone: ({ url }) => {
      sessionStorage.setItem(WANTED, next);
      location.assign(url);
    },
  });
  if (!data?.oidc) return null;
  return (
    <>
      <p className="flex items-center gap-3 text-sm text-faint before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">{t.login.or}</p>
      <Refused error={begin.error} />
      <Button isBusy={begin.isPending} onClick={() => begin.mutate({ body: { another: isAgain } })}>
        <span className="min-w-0 truncate">{t.login.by} <bdi>{data.oidc.label}</bdi></span>
      </Button>
    </>
  );
}

/** The provider has vouched: come in, with a code of the own second factor where one is asked for. */
export function Finish({ next }: { readonly next: string }) {
  const t = useMessages();
  const { mutate, error, isPending } = useChange("POST /admin/auth/oidc/finish", { isQuiet: true, onDone: useEnter(next) });
  const isBegun = useRef(false);
  const [isCodeAsked, setCodeAsked] = useState(false);
  const problem = error instanceof ApiProblem ? error : null;
  const isOfCode = problem !== null && OF_CODE.includes(problem.code);
  useEffect(() => {
    if (!isBegun.current) mutate({ body: { code: null } });
    isBegun.current = true;
  }, [mutate]);
  useEffect(() => {
    if (isOfCode) setCodeAsked(true);
  }, [isOfCode]);
  if (problem !== null && !isOfCode && problem.code in t.problems && problem.code !== "rate_limited") return <Navigate to={`/login#oidc=${problem.code}`} replace />;
  if (error && !isOfCode) return <Failure error={error} onRetry={() => mutate({ body: { code: null } })} />;
  return isCodeAsked ? <CodeForm error={error} isBusy={isPending} onSend={(code) => mutate({ body: { code } })} /> : <Skeleton rows={3} />;
}

function CodeForm({ error, isBusy, onSend }: { readonly error: Error | null; readonly isBusy: boolean; readonly onSend: (code: string) => void }) {
  const t = useMessages();
  const { register, handleSubmit, formState } = useForm({ defaultValues: { code: "" } });
  return (
    <Card>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(({ code }) => onSend(code))(event)}>
        <Refused error={error} />
        <TextField label={t.factor.code} hint={t.factor.codeHint} dir="ltr" autoFocus autoComplete="one-time-code" error={formState.errors.code?.message} {...register("code", { required: t.schemaForm.required })} />
        <Button type="submit" look="primary" isBusy={isBusy}>{t.login.submit}</Button>
      </form>
    </Card>
  );
}
