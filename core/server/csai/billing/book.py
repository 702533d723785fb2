"""Writing down what became of a payment, with the invoice it settles, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import Clock, GatewayError
from csai_sdk import Payment as Answer
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import SYSTEM, Actor, record
from csai.billing.gateway import MAX_REASON_CHARS
from csai.billing.money import payable, to_amount
from csai.billing.repository import (
    OPEN,
    OPEN_REFUND,
    BillingRepository,
    InvoiceRow,
    PaymentRow,
    RefundRow,
    owner_of_invoice,
)
from csai.billing.state import AmountDiffers, News, settled, told
from csai.database import Conflict, Database
from csai.kit.alert import Alerts
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)

_ACTIONS: Mapping[str, Action] = {
    "paid": "invoice.paid",
    "refunded": "invoice.refunded",
    "disputed": "invoice.disputed",
    "void": "invoice.void",
}
"""By what an invoice becomes."""


@dataclass(frozen=True, slots=True)
class Page:
    """An invoice locked for this transaction, with its payments."""

    billing: BillingRepository
    invoice: InvoiceRow
    payments: list[PaymentRow]

    def payment(self, payment_id: str) -> PaymentRow:
        (payment,) = [each for each in self.payments if each.id == payment_id]
        return payment

    @property
    def opened(self) -> PaymentRow | None:
        """The attempt that may yet be paid."""
        return next((each for each in reversed(self.payments) if each.status in OPEN), None)


class Book:
    """Everything that changes an invoice after it is made goes through here."""

    def __init__(self, *, database: Database, clock: Clock, alerts: Alerts) -> None:
        self._database = database
        self._clock = clock
        self._alerts = alerts

    async def open(
        self,
        transaction: AsyncConnection,
        invoice_id: str,
        *,
        tags: Collection[str] | None = None,
        client_id: str | None = None,
    ) -> Page:
        """Lock the invoice. Raises 404, and 412 for a tag that is over."""
        owner = client_id or await owner_of_invoice(transaction, invoice_id)
        billing = BillingRepository(transaction, owner)
        invoice = await billing.invoice(invoice_id, is_locking=True)
        if tags is not None and str(invoice.revision) not in tags:
            raise Problem(
                412,
                "changed_meanwhile",
                "The invoice has changed since you read it. Read it again, and repeat your change.",
                headers={"ETag": f'"{invoice.revision}"'},
            )
        return Page(billing, invoice, await billing.payments(invoice_id))

    async def note(
        self, payment: PaymentRow, answer: Answer, *, is_collected: bool = False
    ) -> PaymentRow | None:
        """Write down what a vendor answered; None where it told of other money than is due.

        Raises `GatewayError` where it gave the payment the id of another one.
        """
        now = self._clock.now()
        try:
            async with self._database.write() as transaction:
                page = await self.open(transaction, payment.invoice_id, client_id=payment.client_id)
                current = page.payment(payment.id)
                news = News.of_answer(answer, at=now, is_exact=current.updated_at == payment.updated_at)
                if is_collected:
                    current = replace(current, collected_at=current.collected_at or now)
                return await self.tell(transaction, page, current, news)
        except Conflict:
            raise GatewayError("it answered with the id of another payment", is_outcome_known=False) from None

    async def close(self, payment: PaymentRow, status: str, reason: str) -> None:
        """Leave the attempt as failed or unknown, unless more is known of it by now than that."""
        async with self._database.write() as transaction:
            page = await self.open(transaction, payment.invoice_id, client_id=payment.client_id)
            current = page.payment(payment.id)
            is_uncollected = current.status in OPEN and current.collected_at is None
            if is_uncollected and current.status != "requires_action":
                closed = replace(current, status=status, reason=reason[:MAX_REASON_CHARS])
                await self.put(transaction, page, replace(closed, updated_at=self._clock.now()))

    async def close_refund(
        self,
        payment: PaymentRow,
        refund: RefundRow,
        status: str,
        reason: str,
        answer: Answer | None = None,
    ) -> None:
        """Leave the refund as it is known to be, and the payment as the vendor answered of it."""
        now = self._clock.now()
        async with self._database.write() as transaction:
            page = await self.open(transaction, payment.invoice_id, client_id=payment.client_id)
            (current,) = [each for each in await page.billing.refunds([payment.id]) if each.id == refund.id]
            if current.status in OPEN_REFUND or (current.status == "found" and status == "done"):
                closed = replace(current, status=status, reason=reason[:MAX_REASON_CHARS], updated_at=now)
                await page.billing.put(closed)
            if answer is None:
                return
            # A vendor's answer may be older than its refund.
            least = to_amount(refund.refunded_before_micros + refund.amount_micros)
            if answer.status != "refunded" or answer.refunded is not None:
                answer = replace(answer, refunded=max(answer.refunded or least, least))
            await self.tell(transaction, page, page.payment(payment.id), News.of_answer(answer, at=now))

    async def tell(
        self, transaction: AsyncConnection, page: Page, payment: PaymentRow, news: News
    ) -> PaymentRow | None:
        """Write down what a vendor told of a payment; None where it told of other money than is due."""
        now = self._clock.now()
        try:
            moved = told(payment, news, now=now)
        except AmountDiffers:
            reason = "the vendor tells of another amount or currency than was asked for"
            await self.put(transaction, page, replace(payment, reason=reason))
            self._raise_alert("payment.amount_differs", payment)
            return None
        await self._find_refunds(page, moved, now=now)
        if _is_same(payment, moved):
            await page.billing.put(moved)
            return moved
        await self.put(transaction, page, moved)
        if moved.dispute != payment.dispute:
            self._raise_alert("payment.disputed", payment, dispute=moved.dispute)
        return moved

    async def put(
        self,
        transaction: AsyncConnection,
        page: Page,
        payment: PaymentRow,
        *,
        is_new: bool = False,
        actor: Actor = SYSTEM,
        **more: Any,
    ) -> None:
        """Store the payment and what it makes of the invoice; `more` are values of the invoice's own."""
        before = page.invoice
        now = self._clock.now()
        await (page.billing.add(payment) if is_new else page.billing.put(payment))
        others = [each for each in page.payments if each.id != payment.id]
        payments = sorted([*others, payment], key=lambda each: each.attempt)
        after = replace(settled(before, payments, now=now), revision=before.revision + 1, **more)
        await page.billing.put(after)
        self._watch_over(before, page.payments, payments)
        if after.status != before.status:
            about = {
                "gateway": payment.gateway,
                "amount": str(to_amount(payment.amount_micros)),
                "refunded": str(to_amount(payment.refunded_micros)),
                "currency": payment.currency,
            }
            await self._record(transaction, before, after.status, about, actor=actor, now=now)

    async def void(self, transaction: AsyncConnection, page: Page, reason: str, *, actor: Actor) -> None:
        """The invoice is not owed any more."""
        before = page.invoice
        await page.billing.put(replace(before, status="void", revision=before.revision + 1))
        now = self._clock.now()
        await self._record(transaction, before, "void", {"reason": reason}, actor=actor, now=now)

    async def _find_refunds(self, page: Page, payment: PaymentRow, *, now: datetime) -> None:
        """Refunds whose answer was lost are done where as much more has been given back by now."""
        for refund in await page.billing.refunds([payment.id]):
            is_made = payment.refunded_micros >= refund.refunded_before_micros + refund.amount_micros
            if refund.status in OPEN_REFUND and is_made:
                await page.billing.put(replace(refund, status="found", reason="", updated_at=now))

    async def _record(
        self,
        transaction: AsyncConnection,
        invoice: InvoiceRow,
        status: str,
        about: Mapping[str, str],
        *,
        actor: Actor,
        now: datetime,
    ) -> None:
        await record(
            transaction,
            actor,
            _ACTIONS[status],
            object=f"invoice:{invoice.id}",
            client_id=invoice.client_id,
            before={"status": invoice.status},
            after={"status": status, **about},
            at=now,
        )
        log.info("invoice settled", invoice_id=invoice.id, client_id=invoice.client_id, status=status)

    def _watch_over(self, invoice: InvoiceRow, before: list[PaymentRow], after: list[PaymentRow]) -> None:
        due = due_micros(invoice)
        if overpaid(after, due) > overpaid(before, due):
            self._alerts.raise_alert("invoice.overpaid", invoice_id=invoice.id, client_id=invoice.client_id)

    def _raise_alert(self, name: str, payment: PaymentRow, **more: str) -> None:
        self._alerts.raise_alert(
            name, invoice_id=payment.invoice_id, payment_id=payment.id, gateway=payment.gateway, **more
        )


def due_micros(invoice: InvoiceRow) -> int:
    """What is to be paid of an invoice; nothing of a void one."""
    return 0 if invoice.status == "void" else payable(invoice.total_cost_micros, invoice.currency)


def overpaid(payments: Collection[PaymentRow], due_micros: int) -> int:
    """What was paid, and neither given back nor lost in a dispute, beyond what is due."""
    kept = sum(
        each.amount_micros - each.refunded_micros
        for each in payments
        if each.status == "paid" and each.dispute != "lost"
    )
    return max(0, kept - due_micros)


def _is_same(payment: PaymentRow, moved: PaymentRow) -> bool:
    """Whether nothing has changed that anybody sees, so that the invoice's tag need not change."""
    return replace(moved, told_at=payment.told_at, updated_at=payment.updated_at) == payment
