/** What can be done about an invoice, each after a question. */

import { type ReactNode, useState } from "react";
import { useForm } from "react-hook-form";

import { useChange } from "../api/query.ts";
import type { InvoiceState } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Checkbox, TextField } from "../ui/field.tsx";
import { useToasts } from "../ui/toast.tsx";

export const READ_INVOICE = "GET /admin/billing/invoices/{invoice_id}";

type Asked = "charge" | "markPaid" | "void" | "refund";

export function InvoiceActions({ invoice, tag }: { readonly invoice: InvoiceState; readonly tag: string }) {
  const t = useMessages();
  const toasts = useToasts();
  const [asked, setAsked] = useState<Asked>();
  const { register, getValues } = useForm({ defaultValues: { gateway: "", byLink: false, method: "", reference: "", reason: "", amount: "", givesUpOpen: false } });
  const path = { invoice_id: invoice.id };
  const close = () => setAsked(undefined);
  const options = {
    refreshes: [READ_INVOICE, "GET /admin/billing/invoices"],
    onDone: () => {
      close();
      toasts.say(t.invoices.done);
    },
  } as const;
  const refresh = useChange("POST /admin/billing/invoices/{invoice_id}/refresh", options);
  const charge = useChange("POST /admin/billing/invoices/{invoice_id}/charge", options);
  const markPaid = useChange("POST /admin/billing/invoices/{invoice_id}/mark-paid", options);
  const cancel = useChange("POST /admin/billing/invoices/{invoice_id}/void", options);
  const refund = useChange("POST /admin/billing/invoices/{invoice_id}/refund", options);
  const isOpen = invoice.status === "pending" || invoice.status === "overdue";
  const isPaid = invoice.status === "paid";
  const givesUp = () => ({ gives_up_open: getValues("givesUpOpen") });
  const ways: Readonly<Record<Asked, { readonly title: string; readonly action: string; readonly isBusy: boolean; readonly run: () => void; readonly fields: ReactNode }>> = {
    charge: {
      title: t.invoices.chargeAsk,
      action: t.invoices.charge,
      isBusy: charge.isPending,
      run: () => charge.mutate({ path, body: { ...(getValues("gateway") && { gateway: getValues("gateway") }), by_link: getValues("byLink"), ...givesUp() } }),
      fields: (
        <>
          <TextField label={t.invoices.chargeGateway} dir="ltr" {...register("gateway")} />
          <Checkbox label={t.invoices.byLink} {...register("byLink")} />
        </>
      ),
    },
    markPaid: {
      title: t.invoices.markPaidAsk,
      action: t.invoices.markPaid,
      isBusy: markPaid.isPending,
      run: () => markPaid.mutate({ path, body: { ...(getValues("method") && { method: getValues("method") }), reference: getValues("reference"), ...givesUp() } }),
      fields: (
        <>
          <TextField label={t.invoices.method} dir="auto" {...register("method")} />
          <TextField label={t.invoices.reference} dir="auto" {...register("reference")} />
        </>
      ),
    },
    void: {
      title: t.invoices.voidAsk,
      action: t.invoices.void,
      isBusy: cancel.isPending,
      run: () => cancel.mutate({ path, body: { reason: getValues("reason"), ...givesUp() } }),
      fields: <TextField label={t.invoices.reason} dir="auto" {...register("reason")} />,
    },
    refund: {
      title: t.invoices.refundAsk,
      action: t.invoices.refund,
      isBusy: refund.isPending,
      run: () => refund.mutate({ path, tag, body: { amount: getValues("amount") || null } }),
      fields: <TextField label={t.invoices.refundAmount} inputMode="decimal" dir="ltr" {...register("amount")} />,
    },
  };
  const way = asked && ways[asked];
  return (
    <>
      <Button isBusy={refresh.isPending} onClick={() => refresh.mutate({ path })}>{t.invoices.refresh}</Button>
      {isOpen && <Button onClick={() => setAsked("charge")}>{t.invoices.charge}</Button>}
      {isOpen && <Button onClick={() => setAsked("markPaid")}>{t.invoices.markPaid}</Button>}
      {isOpen && <Button look="danger" onClick={() => setAsked("void")}>{t.invoices.void}</Button>}
      {isPaid && <Button look="danger" onClick={() => setAsked("refund")}>{t.invoices.refund}</Button>}
      {way && (
        <Confirm title={way.title} action={way.action} isOpen isBusy={way.isBusy} onClose={close} onConfirm={way.run}>
          <div className="grid gap-4">
            {way.fields}
            {asked !== "refund" && <Checkbox label={t.invoices.givesUpOpen} {...register("givesUpOpen")} />}
          </div>
        </Confirm>
      )}
    </>
  );
}
