"""Invoices as they are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.billing.book import due_micros, overpaid
from csai.billing.money import to_amount
from csai.billing.repository import BillingRepository, InvoiceRow, PaymentRow, RefundRow, owner_of_invoice
from csai.billing.schemas import InvoiceState, InvoiceSummary, PaymentState, RefundState

_SAME = (
    *("id", "client_id", "billing_period", "plan_type", "currency"),
    *("payment_provider", "payment_provider_id", "payment_method", "created_at", "due_at", "paid_at"),
)


async def invoice_state(
    connection: AsyncConnection, invoice_id: str, *, now: datetime
) -> tuple[InvoiceState, str]:
    """An invoice and its tag. Raises 404."""
    billing = BillingRepository(connection, await owner_of_invoice(connection, invoice_id))
    invoice = await billing.invoice(invoice_id)
    payments = await billing.payments(invoice_id)
    refunds = await billing.refunds([each.id for each in payments])
    paid = [each for each in payments if each.status == "paid"]
    state = InvoiceState(
        **_summary(invoice, now),
        ledger_cost_usd=to_amount(invoice.ledger_cost_micros),
        usage_rate=to_amount(invoice.usage_rate_micros),
        amount_paid=to_amount(sum(each.amount_micros for each in paid)),
        amount_refunded=to_amount(sum(each.refunded_micros for each in paid)),
        amount_overpaid=to_amount(overpaid(payments, due_micros(invoice))),
        payments=[_payment(each) for each in payments],
        refunds=[_refund(each) for each in refunds],
    )
    return state, str(invoice.revision)


def summary(invoice: InvoiceRow, now: datetime) -> InvoiceSummary:
    return InvoiceSummary(**_summary(invoice, now))


def _summary(invoice: InvoiceRow, now: datetime) -> dict[str, Any]:
    is_overdue = invoice.status == "pending" and invoice.due_at < now
    return {
        **{name: getattr(invoice, name) for name in _SAME},
        "base_cost": to_amount(invoice.base_cost_micros),
        "usage_cost": to_amount(invoice.usage_cost_micros),
        "total_cost": to_amount(invoice.total_cost_micros),
        "amount_due": to_amount(due_micros(invoice)),
        "status": "overdue" if is_overdue else invoice.status,
    }


def _payment(payment: PaymentRow) -> PaymentState:
    return PaymentState(
        id=payment.id,
        attempt=payment.attempt,
        gateway=payment.gateway,
        gateway_payment_id=payment.vendor_id,
        status=payment.status,
        amount=to_amount(payment.amount_micros),
        refunded=to_amount(payment.refunded_micros),
        method=payment.method,
        redirect_url=payment.redirect_url,
        reason=payment.reason,
        dispute=payment.dispute,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


def _refund(refund: RefundRow) -> RefundState:
    return RefundState(
        payment_id=refund.payment_id,
        number=refund.number,
        amount=to_amount(refund.amount_micros),
        status="done" if refund.status == "found" else refund.status,
        reason=refund.reason,
        created_at=refund.created_at,
    )
