/** The banner while a kill switch is off: on every page, until it is on again. */

import type { ReactNode } from "react";
import { useMatch } from "react-router";

import { useChange, useRead } from "../api/query.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useIsOfInstallation, useMay } from "../session.tsx";
import { AskedButton } from "../ui/asked-button.tsx";
import { useToasts } from "../ui/toast.tsx";

export const READ_PAUSE = "GET /admin/clients/{client_id}/pause";
export const READ_SPENDING = "GET /admin/spending/stop";
const EVERY_MS = 30_000;

interface Path {
  readonly client_id: string;
}

export function SwitchedOff() {
  const clientId = useMatch("/clients/:clientId/*")?.params.clientId;
  const isOfInstallation = useIsOfInstallation();
  if (clientId !== undefined) return <OfClient key={clientId} path={{ client_id: clientId }} />;
  return isOfInstallation && <OfInstallation />;
}

function OfClient({ path }: { readonly path: Path }) {
  const t = useMessages();
  const mayChange = useMay();
  const { data } = useRead(READ_PAUSE, { path }, { every: EVERY_MS });
  return (
    <>
      {data?.is_spending_stopped && <Stopped />}
      {data?.is_paused && <Banner title={t.pause.isPaused} lead={t.pause.isPausedLead}>{mayChange && <Resume path={path} />}</Banner>}
    </>
  );
}

function OfInstallation() {
  const { data } = useRead(READ_SPENDING, {}, { every: EVERY_MS });
  return data?.stopped_since ? <Stopped since={data.stopped_since} /> : null;
}

function Stopped({ since }: { readonly since?: string }) {
  const t = useMessages();
  const formats = useFormats();
  const isOfInstallation = useIsOfInstallation();
  const mayGoOn = useMay() && isOfInstallation;
  return (
    <Banner title={t.pause.isStopped} lead={`${t.pause.isStoppedLead} ${since ? t.pause.since(formats.dateTime(since)) : ""}`}>
      {mayGoOn && <GoOn />}
    </Banner>
  );
}

function Banner({ title, lead, children }: { readonly title: string; readonly lead: string; readonly children: ReactNode }) {
  return (
    <div role="status" className="flex flex-wrap items-center gap-3 border-b border-line bg-bad-soft px-4 py-2 sm:px-6">
      <p className="min-w-0 flex-1 text-ink"><strong className="text-bad">{title}.</strong> {lead}</p>
      {children}
    </div>
  );
}

function Resume({ path }: { readonly path: Path }) {
  const t = useMessages();
  const toasts = useToasts();
  const resume = useChange("DELETE /admin/clients/{client_id}/pause", { refreshes: [READ_PAUSE], onDone: () => toasts.say(t.pause.resumed) });
  return <AskedButton look="plain" action={t.pause.resume} title={t.pause.resumeAsk} description={t.pause.resumeLead} isBusy={resume.isPending} onConfirm={() => resume.mutate({ path })} />;
}

function GoOn() {
  const t = useMessages();
  const toasts = useToasts();
  const goOn = useChange("DELETE /admin/spending/stop", { refreshes: [READ_SPENDING, READ_PAUSE], onDone: () => toasts.say(t.pause.goesOn) });
  return <AskedButton look="plain" action={t.pause.goOn} title={t.pause.goOnAsk} description={t.pause.resumeLead} isBusy={goOn.isPending} onConfirm={() => goOn.mutate({})} />;
}
