"""Asking vendors how attempts and refunds stand, on demand and every hour; nothing is collected by it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace

import structlog
from csai_sdk import Clock, GatewayError

from csai.billing.attempt import GIVEN_UP, UNCOLLECTED, UNKNOWN_TO_VENDOR
from csai.billing.book import Book
from csai.billing.claim import is_claimed
from csai.billing.gateway import Gateways
from csai.billing.repository import OPEN, OPEN_REFUND, BillingRepository, PaymentRow, RefundRow
from csai.database import Database
from csai.kit.alert import Alerts
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)


class Asking:
    """Finds out what became of money: deliveries get lost, and processes die before they have an answer."""

    def __init__(
        self, *, database: Database, gateways: Gateways, book: Book, alerts: Alerts, clock: Clock
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._book = book
        self._alerts = alerts
        self._clock = clock

    async def refresh(self, invoice_id: str) -> None:
        """Ask how the invoice's payments and refunds stand. Raises `Problem`."""
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id)
            refunds = await page.billing.refunds([each.id for each in page.payments])
        asked = [each for each in page.payments if _is_of_interest(each)]
        try:
            for payment in asked:
                await self._ask(payment)
            for refund in refunds:
                if refund.status in OPEN_REFUND:
                    await self._ask_of_refund(refund)
        except GatewayError as error:
            raise Problem(502, "gateway_failed", f"A vendor could not be asked: {error}") from None

    async def reconcile(self, client_id: str) -> Mapping[str, int]:
        """A job: ask for all of the client's that may yet be paid, or of which an answer was lost."""
        async with self._database.read() as connection:
            payments, refunds = await BillingRepository(connection, client_id).unsettled()
        failed = 0
        for payment in payments:
            failed += await self._is_unanswered(self._ask(payment), payment, payment.id)
        for refund in refunds:
            failed += await self._is_unanswered(self._ask_of_refund(refund), refund, refund.payment_id)
        return {"asked": len(payments) + len(refunds), "unanswered": failed}

    async def _is_unanswered(
        self, asking: Awaitable[None], row: PaymentRow | RefundRow, payment_id: str
    ) -> bool:
        """Whether it could not be asked; past a day, somebody has to look at the vendor's dashboard."""
        try:
            await asking
        except (GatewayError, Problem) as error:
            reason = error.code if isinstance(error, Problem) else str(error)
            log.warning("vendor not asked", payment_id=payment_id, reason=reason)
            if (self._clock.now() - row.created_at).days >= 1:
                self._alerts.raise_alert("payment.not_known", client_id=row.client_id, payment_id=payment_id)
            return True
        return False

    async def _ask(self, payment: PaymentRow) -> None:
        if is_claimed(payment, self._clock.now()):
            return
        desk = self._gateways.desk(payment.gateway)
        found = await desk.known(payment)
        if found is None:
            if desk.has_forgotten(payment.created_at, self._clock.now()):
                await self._book.close(payment, "failed", UNKNOWN_TO_VENDOR)
            return
        if found.status == "pending" and payment.customer and payment.collected_at is None:
            found = replace(found, reason=UNCOLLECTED)
        await self._book.note(payment, found)

    async def _ask_of_refund(self, refund: RefundRow) -> None:
        """Where as much has been given back as it comes to, the book finds it done."""
        now = self._clock.now()
        if is_claimed(refund, now):
            return
        async with self._database.read() as connection:
            payment = await BillingRepository(connection, refund.client_id).payment(refund.payment_id)
        desk = self._gateways.desk(payment.gateway)
        found = await desk.known(payment)
        if found is not None:
            await self._book.note(payment, found)
            if desk.has_forgotten(refund.created_at, now):
                await self._book.close_refund(payment, refund, "failed", UNKNOWN_TO_VENDOR)


def _is_of_interest(payment: PaymentRow) -> bool:
    """Not what was booked by hand, and not what has failed; what was given up may be paid all the same."""
    is_told_of = payment.vendor_id is not None or payment.status in ("begun", "unknown")
    is_lasting = payment.status in OPEN or payment.status == "paid" or payment.reason == GIVEN_UP
    return is_told_of and is_lasting
