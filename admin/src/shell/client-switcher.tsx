/** Which client is looked at, and a way to another: it stays on the same page of the other client. */

import { Building2, ChevronsUpDown } from "lucide-react";
import { useState } from "react";
import { useMatch, useNavigate } from "react-router";

import { useRead } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { useMay, useSession, READERS } from "../session.tsx";
import { Overlay, deferred } from "../ui/deferred.tsx";
import { Mono } from "../ui/surface.tsx";
import { useCurrentClient } from "./client.ts";

const Palette = deferred(() => import("./palette.tsx").then((loaded) => loaded.Palette));

export function ClientSwitcher() {
  const t = useMessages();
  const navigate = useNavigate();
  const clientId = useCurrentClient();
  const isReader = useMay(READERS);
  const hasChoice = useSession().admin.client_ids?.length !== 1;
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const section = useMatch("/clients/:clientId/:section/*")?.params["section"] ?? (isReader ? "" : "desk");
  const listed = useRead("GET /admin/clients", { query: { search: typed, limit: 20 } }, { isEnabled: isOpen });
  const client = useRead("GET /admin/clients/{client_id}", { path: { client_id: clientId ?? "" } }, { isEnabled: clientId !== undefined });
  const commands = (listed.data?.clients ?? []).map(({ id, name, domain }) => ({ id, title: name, note: domain, run: () => void navigate(`/clients/${id}/${section}`) }));
  const close = (): void => {
    setOpen(false);
    setTyped("");
  };
  const shown = client.data?.name ?? (clientId && <Mono>{clientId}</Mono>) ?? t.shell.noClient;
  return (
    <>
      <button type="button" disabled={!hasChoice} onClick={() => setOpen(true)} className="inline-flex min-h-8 min-w-0 items-center gap-2 rounded-md px-2 text-soft enabled:hover:bg-sunken enabled:hover:text-ink">
        <Building2 size={16} aria-hidden="true" className="flex-none" />
        <span className="sr-only">{t.shell.chooseClient}:</span>
        <bdi className="min-w-0 truncate">{shown}</bdi>
        {hasChoice && <ChevronsUpDown size={14} aria-hidden="true" className="flex-none" />}
      </button>
      {isOpen && <Overlay onClose={close}><Palette commands={commands} onType={setTyped} onClose={close} /></Overlay>}
    </>
  );
}
