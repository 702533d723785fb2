"""What no gateway tells of: money that came by transfer or in cash, and invoices that are not owed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.attempt import give_up_open, new_attempt, open_attempt
from csai.billing.book import Book, Page
from csai.billing.calling_off import CallingOff
from csai.database import Database
from csai.kit.problem import Problem
from csai.kit.text import is_clean

MANUAL = "manual"
"""The gateway that such payments are booked under, whether its plugin is installed or not."""


@dataclass(frozen=True, slots=True)
class Received:
    """A payment as an admin tells of it; `reference` is what they find it by, such as the transfer's text."""

    method: str = "bank_transfer"
    reference: str = ""
    at: datetime | None = None
    gives_up_open: bool = False


class ByHand:
    """What an admin writes down of invoices."""

    def __init__(self, *, database: Database, book: Book, calling_off: CallingOff, clock: Clock) -> None:
        self._database = database
        self._book = book
        self._calling_off = calling_off
        self._clock = clock

    async def mark_paid(
        self, invoice_id: str, received: Received, *, tags: Collection[str] | None = None, actor: Actor
    ) -> None:
        """Book the invoice as paid in full. Raises `Problem`, also while a vendor may still collect it."""
        if not is_clean(received.method + received.reference):
            raise Problem(
                422, "request_invalid", "Method and reference hold characters that cannot be stored."
            )
        if received.at is not None and received.at > self._clock.now():
            raise Problem(422, "paid_at_invalid", "The payment cannot have come later than now.")
        if received.gives_up_open:
            tags = await self._calling_off.call_off(invoice_id, tags=tags, gives_up=True)
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id, tags=tags)
            await self._book_payment(transaction, page, received, actor)

    async def void(
        self,
        invoice_id: str,
        reason: str,
        *,
        gives_up_open: bool = False,
        tags: Collection[str] | None = None,
        actor: Actor,
    ) -> None:
        """Take back an invoice that is not paid; its period may then be invoiced anew. Raises `Problem`.

        An attempt that may yet be paid is called off first.
        """
        if not is_clean(reason):
            raise Problem(422, "request_invalid", "The reason holds characters that cannot be stored.")
        tags = await self._calling_off.call_off(invoice_id, tags=tags, gives_up=gives_up_open)
        async with self._database.write() as transaction:
            page = await self._book.open(transaction, invoice_id, tags=tags)
            check_pending(page)
            now = self._clock.now()
            opened = await give_up_open(transaction, page, gives_up_open, now=now, actor=actor)
            if opened is not None:
                raise open_attempt(opened)
            await self._book.void(transaction, page, reason, actor=actor)

    async def _book_payment(
        self, transaction: AsyncConnection, page: Page, received: Received, actor: Actor
    ) -> None:
        now = self._clock.now()
        paid_at = received.at or now
        if not _is_lost(page):
            check_pending(page)
        opened = await give_up_open(transaction, page, received.gives_up_open, now=now, actor=actor)
        if opened is not None and opened.gateway != MANUAL:
            raise open_attempt(opened)
        payment = opened or new_attempt(page, MANUAL, now=now)
        booked = replace(
            payment,
            status="paid",
            method=received.method,
            told_at=paid_at,
            collected_at=payment.collected_at or paid_at,
            reason="",
            updated_at=now,
        )
        await record(
            transaction,
            actor,
            "invoice.marked_paid",
            object=f"invoice:{page.invoice.id}",
            client_id=page.invoice.client_id,
            before={"status": page.invoice.status},
            after={
                "method": received.method,
                "reference": received.reference,
                "paid_at": paid_at.isoformat(),
            },
            at=now,
        )
        await self._book.put(
            transaction,
            page,
            booked,
            is_new=opened is None,
            actor=actor,
            paid_at=paid_at,
            payment_provider=MANUAL,
            payment_provider_id=received.reference or booked.vendor_id,
            payment_method=received.method,
        )


def check_pending(page: Page) -> None:
    """Raises 409 unless the invoice is still to be paid."""
    if page.invoice.status != "pending":
        raise Problem(409, f"invoice_{page.invoice.status}", f"The invoice is {page.invoice.status} already.")


def _is_lost(page: Page) -> bool:
    """Whether all that was paid of it was lost in disputes: then it is owed again."""
    paid = [each for each in page.payments if each.status == "paid"]
    return page.invoice.status == "disputed" and all(each.dispute == "lost" for each in paid)
