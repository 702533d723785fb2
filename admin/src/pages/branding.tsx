/** How a client's widget looks, with the widget itself beside the form. */

import { useWatch } from "react-hook-form";

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { Branding } from "../api/types.ts";
import { useStoredForm } from "../form/stored-form.ts";
import { useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Card, Code } from "../ui/surface.tsx";
import { useToasts } from "../ui/toast.tsx";
import { BrandingFields } from "./branding-fields.tsx";
import { WidgetPreview } from "./branding-preview.tsx";
import { type BrandingValues, brandingOf, valuesOf } from "./branding-values.ts";

const READ = "GET /admin/clients/{client_id}/branding";

export function Component() {
  const t = useMessages();
  const path = { client_id: useClientId() };
  const read = useReadTagged(READ, { path });
  return (
    <Page title={t.branding.title} lead={t.branding.lead}>
      <Shown read={read}>{(state) => <Form key={state.drawn} state={state} path={path} />}</Shown>
    </Page>
  );
}

function Form({ state: { data, tag }, path }: { readonly state: Tagged<Branding>; readonly path: { readonly client_id: string } }) {
  const t = useMessages();
  const toasts = useToasts();
  const mayChange = useMay();
  const form = useStoredForm<BrandingValues>(tag, valuesOf(data), { mode: "onBlur" });
  const values = useWatch({ control: form.control });
  const change = useChange("PUT /admin/clients/{client_id}/branding", { refreshes: [READ], onDone: () => toasts.say(t.common.saved) });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_26rem]">
      <form noValidate className="grid gap-4" onSubmit={(event) => void form.handleSubmit((given) => change.mutate({ path, tag, body: brandingOf(given) }))(event)}>
        <fieldset disabled={!mayChange} className="contents"><BrandingFields form={form} faults={faults} /></fieldset>
        {mayChange && (
          <div className="sticky bottom-0 flex justify-end gap-2 border-t border-line bg-ground py-3">
            <Button disabled={!form.formState.isDirty} onClick={() => form.reset()}>{t.common.discard}</Button>
            <Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button>
          </div>
        )}
      </form>
      <div className="grid gap-4 lg:sticky lg:top-16">
        <Card title={t.branding.preview} hint={t.branding.previewLead} isFlush><WidgetPreview branding={brandingOf({ ...valuesOf(data), ...values })} /></Card>
        <Card title={t.branding.embed} hint={t.branding.embedLead}>
          <Code label={t.branding.embedCode} text={`<script src="${location.origin}/widget.js" data-api-key="pk_..." async></script>`} />
        </Card>
      </div>
    </div>
  );
}
