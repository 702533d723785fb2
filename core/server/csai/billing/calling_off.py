"""Having vendors call off attempts that are not wanted any more, so that nobody pays them after all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import structlog
from csai_sdk import Clock, GatewayError
from csai_sdk import Payment as Answer

from csai.billing.attempt import UNKNOWN_TO_VENDOR
from csai.billing.book import Book
from csai.billing.claim import Claims, check_unclaimed
from csai.billing.gateway import WORK_S, Gateways
from csai.billing.repository import PaymentRow
from csai.database import Database
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)


class CallingOff:
    """Calls off the attempt of an invoice that may yet be paid."""

    def __init__(
        self, *, database: Database, gateways: Gateways, book: Book, claims: Claims, clock: Clock
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._book = book
        self._claims = claims
        self._clock = clock

    async def call_off(
        self, invoice_id: str, *, tags: Collection[str] | None = None, gives_up: bool
    ) -> Collection[str] | None:
        """The tags that the caller's own change has to keep to: none any more where this was the change.

        Raises 409 `payment_open` where the vendor does not call it off, unless one `gives_up`; and other
        `Problem`s.
        """
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id, tags=tags)
            opened = page.opened
            if opened is None:
                return tags
            check_unclaimed(opened, self._clock.now())
            claim = await self._claims.claim(transaction, opened)
        async with self._claims.kept(claim):
            try:
                async with asyncio.timeout(WORK_S):
                    await self._call_off(opened)
            except (GatewayError, Problem, TimeoutError) as error:
                reason = error.detail if isinstance(error, Problem) else str(error) or "no answer in time"
                log.warning("payment not called off", payment_id=opened.id, gateway=opened.gateway)
                if not gives_up:
                    raise Problem(
                        409,
                        "payment_open",
                        f"An attempt through {opened.gateway} may yet be paid, and could not be called off: "
                        f"{reason}. Give it up: --give-up-open, gives_up_open in the request.",
                    ) from None
        return None

    async def _call_off(self, payment: PaymentRow) -> None:
        answer = await self._asked(payment)
        if answer is None:
            await self._book.close(payment, "failed", UNKNOWN_TO_VENDOR)
        else:
            await self._book.note(payment, answer)

    async def _asked(self, payment: PaymentRow) -> Answer | None:
        """The payment as it stands after being called off; None where there certainly is none."""
        desk = self._gateways.desk(payment.gateway)
        vendor_id = payment.vendor_id
        if vendor_id is None:
            known = await desk.find(payment.id)
            if known is None:
                if desk.has_forgotten(payment.created_at, self._clock.now()):
                    return None
                raise GatewayError("the vendor does not know of it yet", is_outcome_known=False)
            vendor_id = known.id
        return await desk.cancel(vendor_id, key=f"{payment.idempotency_key}-cancel")
