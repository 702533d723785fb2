/** Invoices: of all clients, or of the one in the address. */

import { Plus } from "lucide-react";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useNavigate } from "react-router";

import { useChange, useRead } from "../api/query.ts";
import type { InvoiceSummary } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useIsOfInstallation, useMay } from "../session.tsx";
import { useClientId } from "../shell/client.ts";
import { Button, ButtonLink } from "../ui/button.tsx";
import { Actions, Dialog } from "../ui/dialog.tsx";
import { FilterSelect, FilterText, TextField } from "../ui/field.tsx";
import { Filters, Page } from "../ui/page.tsx";
import { Empty } from "../ui/states.tsx";
import { Badge, Mono, type Tone } from "../ui/surface.tsx";
import { type Column, List } from "../ui/table.tsx";
import { useCursor, useFilters } from "../url.ts";
import { useClientNames } from "./client-name.ts";

type Status = InvoiceSummary["status"];

export const INVOICE_TONES: Readonly<Record<Status, Tone>> = { pending: "accent", paid: "good", overdue: "bad", disputed: "warn", refunded: "plain", void: "plain" };

const READ_OWN = "GET /admin/clients/{client_id}/invoices";

export function Component() {
  const t = useMessages();
  const clientId = useClientId();
  const mayChange = useMay();
  const { before } = useCursor();
  const [{ status, period }, setFilters] = useFilters({ status: "", period: "" });
  const [isMaking, setMaking] = useState(false);
  const isPeriod = period === "" || /^\d{4}-\d{2}$/.test(period);
  const isOfInstallation = useIsOfInstallation();
  const query = { status: (status || null) as Status | null, before: before ?? null };
  const every = useRead("GET /admin/billing/invoices", { query: { ...query, client_id: clientId || null, period: (isPeriod && period) || null } }, { isEnabled: isOfInstallation });
  const own = useRead(READ_OWN, { path: { client_id: clientId }, query }, { isEnabled: !isOfInstallation });
  const statuses = [{ value: "", label: `${t.common.status}: ${t.common.all}` }, ...Object.entries(t.invoices.statuses).map(([value, label]) => ({ value, label }))];
  return (
    <Page
      title={t.invoices.title}
      lead={clientId ? t.invoices.clientLead : t.invoices.lead}
      actions={
        clientId && (
          <>
            <ButtonLink to="../payer" relative="path">{t.payer.title}</ButtonLink>
            {mayChange && <Button icon={Plus} look="primary" onClick={() => setMaking(true)}>{t.invoices.make}</Button>}
          </>
        )
      }
    >
      <Filters>
        {isOfInstallation && <FilterText label={t.invoices.periodFilter} value={period} aria-invalid={!isPeriod} onChange={(event) => setFilters({ period: event.target.value })} />}
        <FilterSelect label={t.common.status} value={status} choices={statuses} onChoose={(next) => setFilters({ status: next })} />
      </Filters>
      <List
        label={t.invoices.title}
        read={isOfInstallation ? every : own}
        rowsOf={({ invoices }) => invoices}
        nextOf={({ next }) => next}
        columns={useColumns(clientId === "")}
        keyOf={({ id }) => id}
        {...(isOfInstallation && { linkOf: invoicePath })}
        empty={<Empty title={t.invoices.empty} />}
      />
      {isMaking && <Make clientId={clientId} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function useColumns(isOfAll: boolean): readonly Column<InvoiceSummary>[] {
  const t = useMessages();
  const formats = useFormats();
  const names = useClientNames(isOfAll);
  const client: Column<InvoiceSummary> = { id: "client", title: t.invoices.client, cell: ({ client_id }) => (names[client_id] ? <bdi>{names[client_id]}</bdi> : <Mono>{client_id}</Mono>) };
  return [
    { id: "period", title: t.invoices.period, isPrimary: true, cell: ({ billing_period }) => billing_period },
    ...(isOfAll ? [client] : []),
    { id: "status", title: t.common.status, cell: ({ status }) => <Badge tone={INVOICE_TONES[status]}>{t.invoices.statuses[status]}</Badge> },
    { id: "plan", title: t.invoices.plan, cell: ({ plan_type }) => plan_type },
    { id: "total", title: t.invoices.total, isNumber: true, cell: ({ total_cost, currency }) => formats.money(total_cost, currency) },
    { id: "due", title: t.invoices.due, isNumber: true, cell: ({ amount_due, currency }) => formats.money(amount_due, currency) },
    { id: "due_at", title: t.invoices.dueAt, cell: ({ due_at }) => formats.date(due_at) },
  ];
}

/** One invoice has a page for who operates the installation. */
function invoicePath({ id }: { readonly id: string }): string {
  return `/invoices/${id}`;
}

function Make({ clientId, onClose }: { readonly clientId: string; readonly onClose: () => void }) {
  const t = useMessages();
  const navigate = useNavigate();
  const { register, handleSubmit, formState } = useForm({ defaultValues: { billing_period: "" } });
  const isOfInstallation = useIsOfInstallation();
  const make = useChange("POST /admin/clients/{client_id}/invoices", {
    refreshes: ["GET /admin/billing/invoices", READ_OWN],
    onDone: (invoice) => (isOfInstallation ? void navigate(invoicePath(invoice)) : onClose()),
  });
  return (
    <Dialog title={t.invoices.make} description={t.invoices.makeLead} isOpen onClose={onClose}>
      <form noValidate onSubmit={(event) => void handleSubmit((body) => make.mutate({ path: { client_id: clientId }, body }))(event)}>
        <TextField label={t.invoices.period} dir="ltr" placeholder="2026-10" error={formState.errors.billing_period?.message} {...register("billing_period", { pattern: { value: /^\d{4}-\d{2}$/, message: t.invoices.periodInvalid }, required: t.invoices.periodInvalid })} />
        <Actions>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" isBusy={make.isPending}>{t.invoices.make}</Button>
        </Actions>
      </form>
    </Dialog>
  );
}
