"""Claims on attempts and refunds: whoever works on one keeps others off it, for as long as it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.billing.repository import BillingRepository, PaymentRow, RefundRow
from csai.database import Database, DatabaseUnavailable
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.kit.waiting import end

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's work on a payment or refund."""

    id: str
    row: PaymentRow | RefundRow


class Claims:
    """A claim is put off while its work goes on, and is over a lease after its process has died.

    Exclusion saves vendors the same request twice; what keeps money from moving twice are keys.
    """

    def __init__(self, *, database: Database, clock: Clock, lease_s: float, beat_s: float) -> None:
        self._database = database
        self._clock = clock
        self._lease = timedelta(seconds=lease_s)
        self._beat_s = beat_s

    async def claim(self, transaction: AsyncConnection, row: PaymentRow | RefundRow) -> Claim:
        """For a row that is locked in this transaction and that nobody has claimed."""
        claim = Claim(new_id(), row)
        await self._repository(transaction, claim).claim(row, claim.id, until=self._clock.now() + self._lease)
        return claim

    @asynccontextmanager
    async def kept(self, claim: Claim) -> AsyncIterator[None]:
        """Keep others off meanwhile, and let go at the end, whatever it is."""
        keeping = asyncio.create_task(self._keep(claim))
        try:
            yield
        finally:
            await end((keeping,))
            await self._let_go(claim)

    async def _keep(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            try:
                async with self._database.write() as transaction:
                    until = self._clock.now() + self._lease
                    await self._repository(transaction, claim).put_off_claim(claim.row, claim.id, until=until)
            except DatabaseUnavailable:
                log.warning("claim not put off", claim=claim.id)  # and tried again at the next beat

    async def _let_go(self, claim: Claim) -> None:
        try:
            async with self._database.write() as transaction:
                await self._repository(transaction, claim).let_go(claim.row, claim.id)
        except DatabaseUnavailable:
            log.warning("claim not let go of", claim=claim.id)  # it ends by itself

    def _repository(self, transaction: AsyncConnection, claim: Claim) -> BillingRepository:
        return BillingRepository(transaction, claim.row.client_id)


def is_claimed(row: PaymentRow | RefundRow, now: datetime) -> bool:
    return row.claimed_until is not None and row.claimed_until > now


def check_unclaimed(row: PaymentRow | RefundRow, now: datetime) -> None:
    """Raises 409 while somebody works on it."""
    if row.claimed_until is None or row.claimed_until <= now:
        return
    what = "charge" if isinstance(row, PaymentRow) else "refund"
    wait_s = max(1, round((row.claimed_until - now).total_seconds()))
    raise Problem(
        409,
        f"{what}_running",
        f"A {what} of this invoice is under way at this moment. Look at it again in a while.",
        headers={"Retry-After": str(wait_s)},
    )
