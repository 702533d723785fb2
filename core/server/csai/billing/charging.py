"""Having an invoice paid through a gateway, once, whatever is lost on the way.

The attempt is stored before its gateway hears of it, with a key that every repeat carries. Where an answer
was lost, the vendor is asked first and told again only then, with the same key and the same values. Network
calls happen between transactions; a claim on the attempt keeps others off meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

import structlog
from csai_sdk import Clock, GatewayError, Payer
from csai_sdk import Payment as Answer
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.attempt import UNKNOWN_TO_VENDOR, give_up_open, new_attempt, open_attempt
from csai.billing.book import Book, Page
from csai.billing.by_hand import check_pending
from csai.billing.calling_off import CallingOff
from csai.billing.claim import Claim, Claims
from csai.billing.gateway import WORK_S, Desk, Gateways
from csai.billing.money import to_amount
from csai.billing.repository import BillingRepository, PaymentRow
from csai.database import Database
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)

TRIES = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """How an invoice is to be paid: empty, by the client's own gateway and what it saved there.

    `by_link` has somebody pay at a page of the vendor instead. `gives_up_open` begins anew though an earlier
    attempt may yet be paid.
    """

    gateway: str = ""
    by_link: bool = False
    gives_up_open: bool = False


class Charges:
    """Charges invoices."""

    def __init__(
        self,
        *,
        database: Database,
        gateways: Gateways,
        book: Book,
        claims: Claims,
        calling_off: CallingOff,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._book = book
        self._claims = claims
        self._calling_off = calling_off
        self._clock = clock

    async def charge(
        self, invoice_id: str, wish: Wish, *, tags: Collection[str] | None = None, actor: Actor
    ) -> None:
        """Have the invoice paid, or go on with the attempt that is open. Raises `Problem`.

        A declined card is no problem: the attempt has failed, and says why.
        """
        if wish.gives_up_open:
            tags = await self._calling_off.call_off(invoice_id, tags=tags, gives_up=True)
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id, tags=tags)
            payment, claim, is_fresh = await self._begin(transaction, page, wish, actor)
        reach(FaultPoint.CHARGE_INTENDED)
        async with self._claims.kept(claim):
            try:
                async with asyncio.timeout(WORK_S):
                    await self._pay(self._gateways.desk(payment.gateway), payment, is_fresh=is_fresh)
            except TimeoutError:
                raise await self._lost(payment, "the vendor did not answer in time") from None

    async def _begin(
        self, transaction: AsyncConnection, page: Page, wish: Wish, actor: Actor
    ) -> tuple[PaymentRow, Claim, bool]:
        check_pending(page)
        now = self._clock.now()
        opened = await give_up_open(transaction, page, wish.gives_up_open, now=now, actor=actor)
        if opened is not None:
            if wish.gateway not in ("", opened.gateway) or (wish.by_link and opened.customer):
                raise open_attempt(opened)
            self._gateways.desk(opened.gateway)
            return opened, await self._claims.claim(transaction, opened), False
        saved = await page.billing.payer()
        gateway = wish.gateway or saved.get("gateway", "") or self._only_one()
        self._gateways.desk(gateway)
        is_known = not wish.by_link and saved.get("gateway") == gateway
        payment = replace(
            new_attempt(page, gateway, now=now),
            customer=saved.get("customer", "") if is_known else "",
            customer_method=saved.get("method", "") if is_known else "",
        )
        await self._book.put(transaction, page, payment, is_new=True)
        await record(
            transaction,
            actor,
            "invoice.charged",
            object=f"invoice:{page.invoice.id}",
            client_id=page.invoice.client_id,
            after={
                "attempt": payment.attempt,
                "gateway": gateway,
                "amount": str(to_amount(payment.amount_micros)),
                "currency": payment.currency,
            },
            at=now,
        )
        return payment, await self._claims.claim(transaction, payment), True

    def _only_one(self) -> str:
        names = self._gateways.names
        if len(names) != 1:
            raise Problem(422, "gateway_missing", f"Name a gateway. Installed: {', '.join(names) or 'none'}.")
        return names[0]

    async def _pay(self, desk: Desk, payment: PaymentRow, *, is_fresh: bool) -> None:
        for number in range(TRIES):
            if number:
                payment = await self._reread(payment)
            try:
                await self._carry_on(desk, payment, is_fresh=is_fresh and number == 0)
                return
            except GatewayError as error:
                if is_fresh and number == 0 and error.is_outcome_known:
                    await self._book.close(payment, "failed", str(error))
                    raise Problem(502, "gateway_failed", f"{desk.id} refused: {error}") from None
                said = str(error)
        raise await self._lost(payment, said)

    async def _carry_on(self, desk: Desk, payment: PaymentRow, *, is_fresh: bool) -> None:
        """Bring the attempt as far as the vendor lets it; of a failure only the first one proves anything."""
        known = None if is_fresh else await self._asked(desk, payment)
        if known is None:
            if self._is_too_old(desk, payment):
                await self._book.close(payment, "failed", UNKNOWN_TO_VENDOR)
                return
            known = await desk.create(
                amount=to_amount(payment.amount_micros),
                currency=payment.currency,
                reference=payment.id,
                key=f"{payment.idempotency_key}-create",
                payer=Payer(payment.customer, payment.customer_method) if payment.customer else None,
            )
            reach(FaultPoint.CHARGE_ANNOUNCED)
        noted = await self._book.note(payment, known)
        is_uncollected = known.status == "pending" and payment.collected_at is None
        is_forgotten = payment.vendor_id is not None and self._is_too_old(desk, payment)
        if noted is None or not is_uncollected or is_forgotten:
            return
        known = await desk.process(known.id, key=f"{payment.idempotency_key}-process")
        reach(FaultPoint.CHARGE_COLLECTED)
        await self._book.note(noted, known, is_collected=True)

    async def _asked(self, desk: Desk, payment: PaymentRow) -> Answer | None:
        """What the vendor has of an attempt whose answer was lost, as far as it can tell."""
        try:
            return await desk.known(payment)
        except GatewayError:
            if payment.vendor_id is not None or self._is_too_old(desk, payment):
                raise
            return None  # told again with its key, the vendor knows it

    def _is_too_old(self, desk: Desk, payment: PaymentRow) -> bool:
        return desk.has_forgotten(payment.created_at, self._clock.now())

    async def _reread(self, payment: PaymentRow) -> PaymentRow:
        async with self._database.read() as connection:
            return await BillingRepository(connection, payment.client_id).payment(payment.id)

    async def _lost(self, payment: PaymentRow, reason: str) -> Problem:
        await self._book.close(payment, "unknown", reason)
        log.warning("outcome of a charge is not known", payment_id=payment.id, gateway=payment.gateway)
        return Problem(
            502,
            "outcome_unknown",
            f"Whether it was paid is not known: {reason}. Charge it again: the vendor is asked first, and "
            "the same payment never collected twice.",
        )
