"""What becomes of a payment by what is told of it, in whatever order and however often it is told.

Nothing that is told moves a payment backwards: paid outranks failed, failed outranks what is under way. Of
two things of the same rank the later one counts, by the vendor's clock. What was given back is a number
beside the status, which may be told before the payment itself is; so is a dispute, of which won outranks
open, and lost outranks both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from csai_sdk import Payment, PaymentEvent
from csai_sdk.gateway import Dispute, PaymentStatus

from csai.billing.money import to_micros
from csai.billing.repository import InvoiceRow, PaymentRow

_RANK = {"begun": 0, "unknown": 0, "pending": 1, "requires_action": 1, "failed": 2, "paid": 3}
_DISPUTE_RANK: Mapping[str, int] = {"": 0, "open": 1, "won": 2, "lost": 3}


class AmountDiffers(Exception):
    """The vendor tells of another amount or currency than the payment was announced with."""


@dataclass(frozen=True, slots=True)
class News:
    """What is told of a payment. `is_exact` where it was asked for, and nothing else was heard meanwhile."""

    vendor_id: str
    status: PaymentStatus
    at: datetime
    amount: Decimal | None = None
    currency: str = ""
    refunded: Decimal | None = None
    method: str = ""
    redirect_url: str = ""
    reason: str = ""
    dispute: Dispute = ""
    is_exact: bool = False

    @classmethod
    def of_answer(cls, payment: Payment, *, at: datetime, is_exact: bool = False) -> News:
        return cls(
            payment.id,
            payment.status,
            at,
            payment.amount,
            payment.currency,
            payment.refunded,
            payment.method,
            payment.redirect_url,
            payment.reason,
            payment.dispute,
            is_exact,
        )

    @classmethod
    def of_event(cls, event: PaymentEvent, *, at: datetime) -> News:
        return cls(
            event.payment_id,
            event.status,
            event.at or at,
            event.amount,
            event.currency,
            event.refunded,
            event.method,
            reason=event.reason,
            dispute=event.dispute,
        )


def told(payment: PaymentRow, news: News, *, now: datetime) -> PaymentRow:
    """The payment after the news. Raises `AmountDiffers`."""
    _check_amount(payment, news)
    is_refund = news.status == "refunded"
    status = "paid" if is_refund else news.status
    moved = payment
    if _counts(payment, status, news.at):
        moved = replace(
            payment,
            status=status,
            told_at=news.at if payment.told_at is None else max(payment.told_at, news.at),
            reason="" if status == "paid" else news.reason,
            redirect_url=(news.redirect_url or payment.redirect_url) if status == "requires_action" else "",
        )
    return replace(
        moved,
        vendor_id=payment.vendor_id or news.vendor_id,
        method=news.method or payment.method,
        refunded_micros=_refunded(payment, news, is_refund=is_refund),
        dispute=max(payment.dispute, news.dispute, key=lambda each: _DISPUTE_RANK[each]),
        updated_at=now,
    )


def settled(invoice: InvoiceRow, payments: Sequence[PaymentRow], *, now: datetime) -> InvoiceRow:
    """The invoice as its payments make it. A void one stays so: what is paid of it is to be given back."""
    paid = [payment for payment in payments if payment.status == "paid"]
    if not paid or invoice.status == "void":
        return invoice
    if invoice.paid_at is not None:
        return replace(invoice, status=_status(paid))
    first = paid[0]
    return replace(
        invoice,
        status=_status(paid),
        paid_at=now,
        payment_provider=first.gateway,
        payment_provider_id=first.vendor_id,
        payment_method=first.method or None,
    )


def _status(paid: Sequence[PaymentRow]) -> str:
    left = [payment for payment in paid if payment.refunded_micros < payment.amount_micros]
    if not left:
        return "refunded"
    return "disputed" if all(payment.dispute in ("open", "lost") for payment in left) else "paid"


def _counts(payment: PaymentRow, status: str, at: datetime) -> bool:
    ours, theirs = _RANK[payment.status], _RANK[status]
    if ours != theirs:
        return theirs > ours
    return ours == 1 and (payment.told_at is None or at >= payment.told_at)


def _refunded(payment: PaymentRow, news: News, *, is_refund: bool) -> int:
    if news.refunded is not None:
        micros = to_micros(news.refunded)
    elif is_refund:
        micros = payment.amount_micros
    else:
        return payment.refunded_micros
    if not news.is_exact:
        micros = max(micros, payment.refunded_micros)
    return min(max(micros, 0), payment.amount_micros)


def _check_amount(payment: PaymentRow, news: News) -> None:
    if news.currency and news.currency.upper() != payment.currency:
        raise AmountDiffers
    try:
        if news.amount is not None and to_micros(news.amount) != payment.amount_micros:
            raise AmountDiffers
    except ValueError:
        raise AmountDiffers from None
