"""What became of pieces that were sent: never less than was known of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from csai_sdk import ChannelNews, DeliveryStatus, Receipt
from sqlalchemy import case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import is_id
from csai.kit.text import clean
from csai.models import ChannelContact, ChannelOutbound, ChannelThread

MAX_ADDRESS_CHARS = 320
MAX_CODE_CHARS = 50
MAX_DETAIL_CHARS = 300
# A status is never followed by one that stands before it.
RANKS = {"sent": 1, "failed": 1, "delivered": 2, "read": 3}
# By so much a vendor's clock may differ, and as long may it take until a piece is written down as sent.
SKEW = timedelta(seconds=5)


class Outcomes:
    """Of what was sent from one account."""

    def __init__(
        self, connection: AsyncConnection, client_id: str, account_id: str, *, now: datetime
    ) -> None:
        self._connection = connection
        self._client_id = client_id
        self._account_id = account_id
        self._now = now

    async def take(self, news: Sequence[ChannelNews]) -> None:
        """Note what is told in it of single pieces, and of all up to a moment."""
        # In an order that is everybody's: two deliveries at once must not wait for each other.
        statuses = [each for each in news if isinstance(each, DeliveryStatus)]
        for status in sorted(statuses, key=lambda each: vendor_key(each.message_id)):
            await self._note(status)
        for receipt in (each for each in news if isinstance(each, Receipt)):
            await self._note_until(receipt)

    async def _note(self, status: DeliveryStatus) -> None:
        """What became of a piece that was sent: never less than was known of it."""
        is_it = ChannelOutbound.vendor_key == vendor_key(status.message_id)
        if is_id(status.reference):
            is_it = or_(ChannelOutbound.id == status.reference, is_it)
        known = case(RANKS, value=ChannelOutbound.status, else_=0)
        statement = (
            update(ChannelOutbound)
            .where(
                ChannelOutbound.client_id == self._client_id,
                ChannelOutbound.account_id == self._account_id,
                is_it,
                known < RANKS[status.status] if status.status != "failed" else known <= RANKS["failed"],
                ChannelOutbound.status != "failed",
            )
            .values(
                status=status.status,
                status_at=self._now,
                vendor_key=func.coalesce(ChannelOutbound.vendor_key, vendor_key(status.message_id)),
                code=clean(status.code)[:MAX_CODE_CHARS],
                detail=clean(status.detail)[:MAX_DETAIL_CHARS],
            )
            .returning(ChannelOutbound.thread_id)
        )
        threads = list((await self._connection.execute(statement)).scalars())
        if status.is_opted_out and threads:
            contacts = select(ChannelThread.contact_id).where(
                ChannelThread.client_id == self._client_id, ChannelThread.id.in_(threads)
            )
            await self._connection.execute(
                update(ChannelContact)
                .where(ChannelContact.client_id == self._client_id, ChannelContact.id.in_(contacts))
                .values(opted_out_at=func.coalesce(ChannelContact.opted_out_at, self._now))
            )

    async def _note_until(self, receipt: Receipt) -> None:
        """What became of all that an address was sent before a moment."""
        threads = (
            select(ChannelThread.id)
            .join(ChannelContact, ChannelContact.id == ChannelThread.contact_id)
            .where(
                ChannelThread.client_id == self._client_id,
                ChannelContact.account_id == self._account_id,
                ChannelContact.address == clean(receipt.address)[:MAX_ADDRESS_CHARS],
            )
        )
        before = [each for each in ("sent", "delivered") if RANKS[each] < RANKS[receipt.status]]
        await self._connection.execute(
            update(ChannelOutbound)
            .where(
                ChannelOutbound.client_id == self._client_id,
                ChannelOutbound.account_id == self._account_id,
                ChannelOutbound.thread_id.in_(threads),
                ChannelOutbound.status.in_(before),
                ChannelOutbound.created_at <= receipt.until,
                # Of an answer in pieces some may have been sent since.
                or_(ChannelOutbound.status != "sent", ChannelOutbound.status_at <= receipt.until + SKEW),
            )
            .values(status=receipt.status, status_at=self._now)
        )


def vendor_key(vendor_id: str) -> str:
    """A vendor's id of a message, no longer than its column is wide."""
    kept = clean(vendor_id)
    return kept if len(kept) <= 150 else f"sha256:{sha256(kept.encode()).hexdigest()}"
