/** A shared tool, changed. */

import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import type { Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { SharedToolDetail } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Notice } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { CatalogToolForm } from "./catalog-tool-form.tsx";
import { READ_CATALOG, READ_CATALOG_TOOL } from "./catalog-tool.tsx";

export function Component() {
  const t = useMessages();
  const { toolName = "" } = useParams();
  const read = useReadTagged(READ_CATALOG_TOOL, { path: { tool_name: toolName } });
  return (
    <Page title={t.catalog.editOf(toolName)} lead={t.catalog.editLead}>
      <Shown read={read}>
        {(state) => (state.data.plugin === null ? <Edit state={state} /> : <Notice tone="plain">{t.catalog.ofPlugin(state.data.plugin)}</Notice>)}
      </Shown>
    </Page>
  );
}

/** On what was read first, however often that is read again: a change in between is told when this is saved. */
function Edit({ state }: { readonly state: Tagged<SharedToolDetail> }) {
  const t = useMessages();
  const toasts = useToasts();
  const navigate = useNavigate();
  const [{ data, tag }] = useState(state);
  const change = useChange("PUT /admin/tools/{tool_name}", {
    refreshes: [READ_CATALOG, READ_CATALOG_TOOL, "GET /admin/tools/{tool_name}/history"],
    isQuiet: true,
    onDone: () => {
      toasts.say(t.common.saved);
      void navigate("..", { relative: "path" });
    },
  });
  return <CatalogToolForm tool={data} submit={t.common.save} isBusy={change.isPending} error={change.error} onSave={(tool_name, body) => change.mutate({ path: { tool_name }, body, tag })} />;
}
