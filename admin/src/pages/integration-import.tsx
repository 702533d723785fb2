/** Endpoints out of an OpenAPI document. */

import { useForm } from "react-hook-form";

import { useChange } from "../api/query.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextArea, TextField } from "../ui/field.tsx";
import { Facts, Notice } from "../ui/surface.tsx";
import { READ_ENDPOINTS } from "./integration-endpoints.tsx";
import type { IntegrationPath } from "./integration.tsx";

export function ImportDialog({ path, onClose }: { readonly path: IntegrationPath; readonly onClose: () => void }) {
  const t = useMessages();
  const { register, handleSubmit } = useForm({ defaultValues: { url: "", document: "" } });
  const load = useChange("POST /admin/clients/{client_id}/integrations/{integration_id}/import", { refreshes: [READ_ENDPOINTS] });
  return (
    <Dialog title={t.integrations.import} isOpen isWide onClose={onClose}>
      <form noValidate className="grid gap-4" onSubmit={(event) => void handleSubmit(({ url, document }) => load.mutate({ path, body: { url: url || null, document: document || null } }))(event)}>
        <TextField label={t.integrations.importUrl} type="url" dir="ltr" {...register("url")} />
        <TextArea label={t.integrations.importText} rows={8} dir="ltr" spellCheck={false} className="font-mono text-xs" {...register("document")} />
        {load.data && (
          <div role="status" className="grid gap-2">
            <Notice tone="good">{t.integrations.imported(load.data.added.length, load.data.skipped.length)}</Notice>
            {load.data.skipped.length > 0 && <Facts facts={load.data.skipped.map(({ name, reason }) => [name, reason] as const)} />}
          </div>
        )}
        <Actions>
          <Button onClick={onClose}>{t.common.close}</Button>
          <Button type="submit" look="primary" isBusy={load.isPending}>{t.integrations.import}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}
