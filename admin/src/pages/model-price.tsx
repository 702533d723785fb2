/** The price of a model: now, or from a day on. */

import { useForm } from "react-hook-form";

import { ApiProblem, type Tagged } from "../api/client.ts";
import { useChange, useReadTagged } from "../api/query.ts";
import type { CatalogModel, PriceState, ScheduledPrice } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Shown, useReason } from "../ui/states.tsx";
import { Facts, Notice } from "../ui/surface.tsx";

const PARTS = ["input", "output", "cache_read", "cache_write"] as const;

export function PriceDialog({ model, onClose }: { readonly model: CatalogModel; readonly onClose: () => void }) {
  const t = useMessages();
  const read = useReadTagged("GET /admin/models/{provider}/{model}/price", { path: { provider: model.provider, model: model.model } });
  return (
    <Dialog title={t.models.priceOf(model.model)} description={t.models.perMillion} isOpen onClose={onClose}>
      <Shown read={read} rows={4}>{(state) => <PriceForm key={state.drawn} state={state} onClose={onClose} />}</Shown>
    </Dialog>
  );
}

function PriceForm({ state: { data, tag }, onClose }: { readonly state: Tagged<PriceState>; readonly onClose: () => void }) {
  const t = useMessages();
  const titles = { input: t.models.input, output: t.models.output, cache_read: t.models.cacheRead, cache_write: t.models.cacheWrite };
  const { register, handleSubmit } = useForm({
    defaultValues: { input: data.price?.input ?? "", output: data.price?.output ?? "", cache_read: data.price?.cache_read ?? "", cache_write: data.price?.cache_write ?? "", effective_from: "" },
  });
  const change = useChange("PUT /admin/models/{provider}/{model}/price", { refreshes: ["GET /admin/models", "GET /admin/models/{provider}/{model}/price"], isQuiet: true, onDone: onClose });
  const faults = change.error instanceof ApiProblem ? change.error.fields : {};
  return (
    <form
      noValidate
      className="grid gap-4"
      onSubmit={(event) =>
        void handleSubmit(({ effective_from, ...prices }) =>
          change.mutate({
            path: { provider: data.provider, model: data.model },
            tag,
            body: { ...Object.fromEntries(PARTS.map((part) => [part, prices[part].trim() || null])), effective_from: effective_from.trim() || null },
          }),
        )(event)
      }
    >
      {change.error && <div role="alert"><Notice tone="bad"><Reason error={change.error} /></Notice></div>}
      <div className="grid grid-cols-2 gap-4">
        {PARTS.map((part) => <TextField key={part} label={titles[part]} inputMode="decimal" dir="ltr" error={faults[part]} {...register(part)} />)}
      </div>
      <TextField label={t.models.from} hint={t.models.fromHint} dir="ltr" error={faults["effective_from"]} {...register("effective_from")} />
      {data.schedule.length > 0 && <Schedule schedule={data.schedule} />}
      <Actions>
        <Button onClick={onClose}>{t.common.cancel}</Button>
        <Button type="submit" look="primary" isBusy={change.isPending}>{t.common.save}</Button>
      </Actions>
    </form>
  );
}

function Reason({ error }: { readonly error: Error }) {
  return useReason(error);
}

function Schedule({ schedule }: { readonly schedule: readonly ScheduledPrice[] }) {
  const t = useMessages();
  const formats = useFormats();
  return (
    <section className="grid gap-2">
      <h3 className="font-semibold">{t.models.coming}</h3>
      <Facts facts={schedule.map((price) => [formats.dateTime(price.effective_from), `${price.input ?? "–"} / ${price.output ?? "–"}`] as const)} />
    </section>
  );
}
