/** The kill switches' off side; the way back stands in the banner that shows while one is off. */

import { OctagonPause } from "lucide-react";

import { useChange, useRead } from "../api/query.ts";
import type { ClientProfile } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { useIsOfInstallation, useMay } from "../session.tsx";
import { READ_PAUSE, READ_SPENDING } from "../shell/switched-off.tsx";
import { AskedButton } from "../ui/asked-button.tsx";
import { useToasts } from "../ui/toast.tsx";

export function PauseClient({ client }: { readonly client: ClientProfile }) {
  const t = useMessages();
  const toasts = useToasts();
  const path = { client_id: client.id };
  const read = useRead(READ_PAUSE, { path });
  const pause = useChange("POST /admin/clients/{client_id}/pause", { refreshes: [READ_PAUSE], onDone: () => toasts.say(t.pause.paused) });
  if (read.data?.is_paused !== false) return null;
  return <AskedButton icon={OctagonPause} action={t.pause.pause} title={t.pause.pauseAsk(client.name)} description={t.pause.pauseLead} isBusy={pause.isPending} onConfirm={() => pause.mutate({ path })} />;
}

export function StopSpending() {
  const t = useMessages();
  const toasts = useToasts();
  const isOfInstallation = useIsOfInstallation();
  const mayStop = useMay() && isOfInstallation;
  const read = useRead(READ_SPENDING, {}, { isEnabled: mayStop });
  const stop = useChange("POST /admin/spending/stop", { refreshes: [READ_SPENDING, READ_PAUSE], onDone: () => toasts.say(t.pause.stopped) });
  if (!mayStop || read.data?.stopped_since !== null) return null;
  return <AskedButton icon={OctagonPause} action={t.pause.stop} title={t.pause.stopAsk} description={t.pause.stopLead} isBusy={stop.isPending} onConfirm={() => stop.mutate({})} />;
}
