/** One invoice: what it is made of, how it was paid, and what can be done about it. */

import { Link, useParams } from "react-router";

import { useReadTagged } from "../api/query.ts";
import type { InvoiceState, PaymentState, RefundState } from "../api/types.ts";
import { useFormats, useMessages } from "../language.tsx";
import { useMay } from "../session.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Shown } from "../ui/states.tsx";
import { Badge, Card, Facts } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { useClientNames } from "./client-name.ts";
import { InvoiceActions, READ_INVOICE } from "./invoice-actions.tsx";
import { INVOICE_TONES } from "./invoices.tsx";

export function Component() {
  const t = useMessages();
  const mayChange = useMay();
  const { invoiceId = "" } = useParams();
  const read = useReadTagged(READ_INVOICE, { path: { invoice_id: invoiceId } });
  return (
    <Page title={read.data ? t.invoices.invoiceOf(read.data.data.billing_period) : t.invoices.title} actions={read.data && mayChange && <InvoiceActions invoice={read.data.data} tag={read.data.tag} />}>
      <Shown read={read}>{({ data }) => <Invoice invoice={data} />}</Shown>
    </Page>
  );
}

function Invoice({ invoice }: { readonly invoice: InvoiceState }) {
  const t = useMessages();
  const formats = useFormats();
  const money = (amount: string): string => formats.money(amount, invoice.currency);
  const paymentColumns = usePaymentColumns(invoice.currency);
  const refundColumns = useRefundColumns(invoice.currency);
  const names = useClientNames();
  return (
    <>
      <Card title={t.common.details}>
        <Facts
          facts={[
            [t.common.status, <Badge tone={INVOICE_TONES[invoice.status]}>{t.invoices.statuses[invoice.status]}</Badge>],
            [t.invoices.client, <Link to={`/clients/${invoice.client_id}/invoices`} className="text-accent underline underline-offset-4"><bdi>{names[invoice.client_id] ?? invoice.client_id}</bdi></Link>],
            [t.invoices.plan, invoice.plan_type],
            [t.invoices.base, money(invoice.base_cost)],
            [t.invoices.usageCost, money(invoice.usage_cost)],
            [t.invoices.ledgerCost, formats.money(invoice.ledger_cost_usd)],
            [t.invoices.usageRate, invoice.usage_rate],
            [t.invoices.total, money(invoice.total_cost)],
            [t.invoices.due, money(invoice.amount_due)],
            [t.invoices.paid, money(invoice.amount_paid)],
            [t.invoices.refunded, money(invoice.amount_refunded)],
            [t.invoices.overpaid, money(invoice.amount_overpaid)],
            [t.invoices.provider, invoice.payment_provider],
            [t.invoices.method, invoice.payment_method],
            [t.common.created, formats.dateTime(invoice.created_at)],
            [t.invoices.dueAt, formats.date(invoice.due_at)],
            [t.invoices.paidAt, invoice.paid_at && formats.dateTime(invoice.paid_at)],
          ]}
        />
      </Card>
      <Card title={t.invoices.payments} isFlush>
        <Table label={t.invoices.payments} columns={paymentColumns} rows={invoice.payments} keyOf={({ id }) => id} empty={<Empty title={t.invoices.noPayments} />} />
      </Card>
      {invoice.refunds.length > 0 && (
        <Card title={t.invoices.refunds} isFlush>
          <Table label={t.invoices.refunds} columns={refundColumns} rows={invoice.refunds} keyOf={({ payment_id, number }) => `${payment_id}-${number}`} empty={null} />
        </Card>
      )}
    </>
  );
}

function usePaymentColumns(currency: string): readonly Column<PaymentState>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "gateway", title: t.invoices.gateway, isPrimary: true, cell: ({ gateway, attempt }) => <bdi>{attempt}. {gateway}</bdi> },
    { id: "payment-status", title: t.common.status, cell: ({ status, dispute }) => <Badge tone={status === "paid" ? "good" : status === "failed" ? "bad" : "accent"}>{[status, dispute].filter(Boolean).join(" · ")}</Badge> },
    { id: "amount", title: t.invoices.amount, isNumber: true, cell: ({ amount }) => formats.money(amount, currency) },
    { id: "when", title: t.common.when, cell: ({ created_at }) => formats.dateTime(created_at) },
    { id: "reason", title: t.invoices.reason, cell: ({ reason, redirect_url }) => (redirect_url ? <a href={redirect_url} rel="noreferrer" target="_blank" className="text-accent underline">{t.invoices.payLink}</a> : reason || "–") },
  ];
}

function useRefundColumns(currency: string): readonly Column<RefundState>[] {
  const t = useMessages();
  const formats = useFormats();
  return [
    { id: "refund", title: t.invoices.amount, isPrimary: true, cell: ({ amount }) => formats.money(amount, currency) },
    { id: "refund-status", title: t.common.status, cell: ({ status }) => <Badge tone={status === "done" ? "good" : status === "failed" ? "bad" : "accent"}>{status}</Badge> },
    { id: "refund-when", title: t.common.when, cell: ({ created_at }) => formats.dateTime(created_at) },
    { id: "refund-reason", title: t.invoices.reason, cell: ({ reason }) => reason || "–" },
  ];
}
