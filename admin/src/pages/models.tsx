/** The models that the providers offer, and what they cost. */

import { useState } from "react";

import { useRead } from "../api/query.ts";
import type { CatalogModel } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Button } from "../ui/button.tsx";
import { Checkbox, FilterSelect, FilterText } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, Mono } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useFilters } from "../url.ts";
import { PriceDialog } from "./model-price.tsx";

/** Asked for as the list is that nobody has narrowed: it is read once for both. */
const EVERY = { search: "", provider: "", unpriced: false };

export function Component() {
  const t = useMessages();
  const [{ q, provider, unpriced }, setFilters] = useFilters({ q: "", provider: "", unpriced: "" });
  const [asked, setAsked] = useState<CatalogModel>();
  const all = useRead("GET /admin/models", { query: EVERY });
  const read = useRead("GET /admin/models", { query: { search: q, provider, unpriced: unpriced === "yes" } });
  const providers = [...new Set(all.data?.models.map((model) => model.provider))];
  return (
    <Page title={t.models.title} lead={t.models.lead}>
      <Filters>
        <FilterText label={t.models.search} value={q} onChange={(event) => setFilters({ q: event.target.value })} />
        <FilterSelect label={t.models.provider} value={provider} choices={[{ value: "", label: `${t.models.provider}: ${t.common.all}` }, ...providers.map((id) => ({ value: id, label: id }))]} onChoose={(next) => setFilters({ provider: next })} />
        <Checkbox label={t.models.unpriced} checked={unpriced === "yes"} onChange={(event) => setFilters({ unpriced: event.target.checked ? "yes" : "" })} />
      </Filters>
      <List label={t.models.title} read={read} rowsOf={({ models }) => models} columns={useColumns(setAsked)} keyOf={({ provider: of, model }) => `${of}/${model}`} empty={<Empty title={t.models.empty} />} />
      {asked && <PriceDialog model={asked} onClose={() => setAsked(undefined)} />}
    </Page>
  );
}

function useColumns(onAsk: (model: CatalogModel) => void): readonly Column<CatalogModel>[] {
  const t = useMessages();
  const formats = useFormats();
  const mayChange = useMay();
  const money = (amount: string | null | undefined): string => (amount === null || amount === undefined ? "–" : formats.money(amount));
  return [
    { id: "model", title: t.models.model, isPrimary: true, cell: ({ model }) => <Mono>{model}</Mono>, sort: ({ model }) => model },
    { id: "provider", title: t.models.provider, cell: ({ provider }) => provider, sort: ({ provider }) => provider },
    { id: "traits", title: t.models.traits, cell: (model) => <Traits model={model} /> },
    { id: "context", title: t.models.context, isNumber: true, cell: ({ context_window }) => (context_window === null ? "–" : formats.short(context_window)), sort: ({ context_window }) => context_window ?? 0 },
    { id: "input", title: t.models.input, isNumber: true, cell: ({ price }) => money(price?.input), sort: ({ price }) => Number(price?.input ?? -1) },
    { id: "output", title: t.models.output, isNumber: true, cell: ({ price }) => money(price?.output), sort: ({ price }) => Number(price?.output ?? -1) },
    ...(mayChange ? [{ id: "price", title: "", cell: (model: CatalogModel) => <Button onClick={() => onAsk(model)}>{t.models.setPrice}</Button> }] : []),
  ];
}

function Traits({ model }: { readonly model: CatalogModel }) {
  const t = useMessages();
  return (
    <span className="inline-flex flex-wrap gap-1">
      {model.is_default && <Badge tone="accent">{t.models.isDefault}</Badge>}
      {model.is_embedding ? <Badge>{t.models.embeds}</Badge> : <Badge>{t.models.writes}</Badge>}
      {model.has_tools && <Badge>{t.models.tools}</Badge>}
    </span>
  );
}
