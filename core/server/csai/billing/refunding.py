"""Giving back what was paid, once, whatever is lost on the way: as in charging, stored before it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal

import structlog
from csai_sdk import Clock, GatewayError
from csai_sdk import Payment as Answer
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.book import Book, Page
from csai.billing.charging import TRIES
from csai.billing.claim import Claim, Claims, check_unclaimed
from csai.billing.gateway import WORK_S, Desk, Gateways
from csai.billing.money import payable, to_amount, to_micros
from csai.billing.repository import OPEN_REFUND, PaymentRow, RefundRow
from csai.database import Database
from csai.kit.fault_point import FaultPoint, reach
from csai.kit.identifier import new_id
from csai.kit.problem import Problem

log = structlog.get_logger(__name__)

Begun = tuple[PaymentRow, RefundRow, Claim, bool]


class Refunds:
    """Refunds payments of invoices, wholly or in part."""

    def __init__(
        self, *, database: Database, gateways: Gateways, book: Book, claims: Claims, clock: Clock
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._book = book
        self._claims = claims
        self._clock = clock

    async def refund(
        self,
        invoice_id: str,
        amount: Decimal | None,
        *,
        tags: Collection[str] | None = None,
        actor: Actor,
    ) -> None:
        """Give back `amount`, or all that is left. A refund whose outcome was lost is gone on with first.

        What was paid through no gateway is booked, and given back by whoever books it. Raises `Problem`.
        """
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id, tags=tags)
            begun = await self._begin(transaction, page, amount, actor)
        if begun is None:
            return
        payment, refund, claim, is_fresh = begun
        async with self._claims.kept(claim):
            try:
                async with asyncio.timeout(WORK_S):
                    desk = self._gateways.desk(payment.gateway)
                    await self._give_back(desk, payment, refund, is_fresh=is_fresh)
            except TimeoutError:
                raise await self._lost(payment, refund, "the vendor did not answer in time") from None

    async def _begin(
        self, transaction: AsyncConnection, page: Page, amount: Decimal | None, actor: Actor
    ) -> Begun | None:
        """The refund to be made; None where there is nothing more to do."""
        now = self._clock.now()
        paid = [each for each in page.payments if each.status == "paid"]
        refunds = await page.billing.refunds([each.id for each in paid])
        if refunds and refunds[-1].status == "found" and _is_same(amount, refunds[-1], paid):
            await page.billing.put(replace(refunds[-1], status="done", updated_at=now))
            return None
        opened = next((each for each in refunds if each.status in OPEN_REFUND), None)
        if opened is not None:
            check_unclaimed(opened, now)
            if amount is not None and not _is_same(amount, opened, paid):
                raise Problem(
                    409,
                    "refund_open",
                    f"Whether a refund of {to_amount(opened.amount_micros)} was made is not known. Repeat "
                    "that one first.",
                )
            claim = await self._claims.claim(transaction, opened)
            return page.payment(opened.payment_id), opened, claim, False
        payment = next((each for each in reversed(paid) if each.refunded_micros < each.amount_micros), None)
        if payment is None:
            raise Problem(
                409, "nothing_to_refund", "Nothing of this invoice was paid that could be given back."
            )
        if payment.dispute in ("open", "lost"):
            raise Problem(
                409,
                "payment_disputed",
                "The payer has disputed the payment: what is given back as well is given back twice. Answer "
                "the dispute in the vendor's dashboard.",
            )
        number = sum(each.payment_id == payment.id for each in refunds) + 1
        refund = await self._new_refund(
            transaction, page, payment, number, micros=_micros(amount, payment), actor=actor
        )
        if refund.status == "done":
            given_back = payment.refunded_micros + refund.amount_micros
            booked = replace(payment, refunded_micros=given_back, updated_at=now)
            await self._book.put(transaction, page, booked, actor=actor)
            return None
        return payment, refund, await self._claims.claim(transaction, refund), True

    async def _new_refund(
        self,
        transaction: AsyncConnection,
        page: Page,
        payment: PaymentRow,
        number: int,
        *,
        micros: int,
        actor: Actor,
    ) -> RefundRow:
        now = self._clock.now()
        is_by_hand = payment.vendor_id is None
        if not is_by_hand:
            self._gateways.desk(payment.gateway)
        refund = RefundRow(
            id=new_id(),
            client_id=payment.client_id,
            payment_id=payment.id,
            number=number,
            idempotency_key=f"{payment.idempotency_key}-refund-{number}",
            amount_micros=micros,
            refunded_before_micros=payment.refunded_micros,
            status="done" if is_by_hand else "begun",
            reason="",
            claimed_until=None,
            created_at=now,
            updated_at=now,
        )
        await page.billing.add(refund)
        await record(
            transaction,
            actor,
            "invoice.refund_asked",
            object=f"invoice:{page.invoice.id}",
            client_id=page.invoice.client_id,
            after={
                "gateway": payment.gateway,
                "amount": str(to_amount(micros)),
                "currency": payment.currency,
                "number": number,
            },
            at=now,
        )
        return refund

    async def _give_back(self, desk: Desk, payment: PaymentRow, refund: RefundRow, *, is_fresh: bool) -> None:
        for number in range(TRIES):
            is_first = is_fresh and number == 0
            try:
                answer = await self._asked(desk, payment, refund, is_first=is_first)
            except GatewayError as error:
                if is_first and error.is_outcome_known:
                    await self._book.close_refund(payment, refund, "failed", str(error))
                    raise Problem(502, "gateway_failed", f"{desk.id} refused: {error}") from None
                said = str(error)
                continue
            await self._book.close_refund(payment, refund, "done", "", answer)
            return
        raise await self._lost(payment, refund, said)

    async def _asked(self, desk: Desk, payment: PaymentRow, refund: RefundRow, *, is_first: bool) -> Answer:
        """The payment with the refund made: seen where it had been made already, or asked for."""
        vendor_id = payment.vendor_id or ""
        if not is_first:
            known = await desk.status(vendor_id)
            if refunded_micros(known) >= refund.refunded_before_micros + refund.amount_micros:
                return known
            if desk.has_forgotten(refund.created_at, self._clock.now()):
                raise GatewayError("too old to be repeated; look at the payment in the vendor's dashboard")
        answer = await desk.refund(
            vendor_id, amount=to_amount(refund.amount_micros), key=refund.idempotency_key
        )
        reach(FaultPoint.REFUND_ANSWERED)
        return answer

    async def _lost(self, payment: PaymentRow, refund: RefundRow, reason: str) -> Problem:
        await self._book.close_refund(payment, refund, "unknown", reason)
        log.warning("outcome of a refund is not known", payment_id=payment.id, gateway=payment.gateway)
        return Problem(
            502,
            "outcome_unknown",
            f"Whether it was given back is not known: {reason}. Ask for the same refund again: the vendor is "
            "asked first, and nothing given back twice.",
        )


def refunded_micros(payment: Answer) -> int:
    if payment.refunded is None:
        return to_micros(payment.amount) if payment.status == "refunded" else 0
    return to_micros(payment.refunded)


def _is_same(amount: Decimal | None, refund: RefundRow, paid: Sequence[PaymentRow]) -> bool:
    """Whether asking for `amount` asks for this refund; for all is, where nothing is left after it."""
    if amount is None:
        return all(each.refunded_micros >= each.amount_micros for each in paid)
    try:
        return to_micros(amount) == refund.amount_micros
    except ValueError:
        return False


def _micros(amount: Decimal | None, payment: PaymentRow) -> int:
    left = payment.amount_micros - payment.refunded_micros
    if amount is None:
        return left
    try:
        micros = to_micros(amount)
    except ValueError:
        micros = 0
    if not 0 < micros <= left or payable(micros, payment.currency) != micros:
        raise Problem(
            422,
            "amount_invalid",
            f"Of this payment up to {to_amount(left)} {payment.currency} can be given back, to the smallest "
            "unit that can be paid.",
        )
    return micros
