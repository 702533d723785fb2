/** A new tool of the shared catalog. */

import { useNavigate } from "react-router";

import { useChange } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { Page } from "../ui/page.tsx";
import { useToasts } from "../ui/toast.tsx";
import { CatalogToolForm, NEW_TOOL } from "./catalog-tool-form.tsx";
import { READ_CATALOG } from "./catalog-tool.tsx";

export function Component() {
  const t = useMessages();
  const toasts = useToasts();
  const navigate = useNavigate();
  const make = useChange("POST /admin/tools", {
    refreshes: [READ_CATALOG],
    isQuiet: true,
    onDone: ({ name }) => {
      toasts.say(t.catalog.made(name));
      void navigate(`/tools/${encodeURIComponent(name)}`);
    },
  });
  return (
    <Page title={t.catalog.add} lead={t.catalog.addLead}>
      <CatalogToolForm tool={NEW_TOOL} submit={t.catalog.add} isBusy={make.isPending} error={make.error} onSave={(tool_name, definition) => make.mutate({ body: { tool_name, ...definition } })} />
    </Page>
  );
}
