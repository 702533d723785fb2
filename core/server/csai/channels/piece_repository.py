"""Pieces on their way: which is next, what is known of it, what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from csai_sdk import OutboundMessage
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels.account import AccountRow
from csai.channels.outcome import MAX_CODE_CHARS, MAX_DETAIL_CHARS
from csai.channels.repository import ACCOUNT_COLUMNS, account_of
from csai.channels.task import Task
from csai.channels.task_repository import claim_task, due_tasks
from csai.kit.text import clean
from csai.models import ChannelAccount, ChannelContact, ChannelOutbound, ChannelThread, Client

OPEN = ("pending", "sending")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be sent, to whom, and what is known of them."""

    message: OutboundMessage
    status: str
    heard_at: datetime
    opted_out_at: datetime | None
    batch: str
    part: int
    contact_id: str
    config_version: int
    account: AccountRow


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending."""

    status: str
    vendor_key: str | None = None
    code: str = ""
    detail: str = ""
    wait_s: float | None = None
    is_whole: bool = False
    """Whether the whole batch went with it."""
    is_opted_out: bool = False
    is_account_at_fault: bool = False


async def due_pieces(
    connection: AsyncConnection, *, now: datetime, count: int, busy: Collection[str]
) -> list[Task]:
    """The next pieces to be sent, of any client but those `busy`: of a conversation the first alone."""
    return await due_tasks(
        connection, "send", ChannelOutbound, statuses=OPEN, now=now, count=count, busy=busy
    )


class PieceRepository:
    """One client's pieces."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def claim(self, task: Task, *, now: datetime, until: datetime) -> bool:
        return await claim_task(self._connection, task, ChannelOutbound, statuses=OPEN, now=now, until=until)

    async def get(self, task: Task) -> Piece | None:
        statement = (
            select(
                *(ChannelOutbound.id, ChannelContact.address, ChannelOutbound.text, ChannelOutbound.author),
                *(ChannelThread.thread, ChannelThread.subject, ChannelOutbound.in_reply_to),
                *(ChannelThread.earlier, ChannelOutbound.status, ChannelContact.heard_at),
                *(ChannelContact.opted_out_at, ChannelOutbound.batch, ChannelOutbound.part),
                *(ChannelContact.id, Client.config_version, *ACCOUNT_COLUMNS),
            )
            .join(ChannelThread, ChannelThread.id == ChannelOutbound.thread_id)
            .join(ChannelContact, ChannelContact.id == ChannelThread.contact_id)
            .join(ChannelAccount, ChannelAccount.id == ChannelOutbound.account_id)
            .join(Client, Client.id == ChannelOutbound.client_id)
            .where(*self._latest(task), ChannelOutbound.status.in_(OPEN))
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            return None
        id_, address, text, author, thread, subject, in_reply_to, earlier, *known = row
        message = OutboundMessage(
            id_, address, text, author, "text", thread, subject, in_reply_to, tuple(earlier)
        )
        return Piece(*[message, *known[:7], account_of(known[7:])])

    async def rest(self, batch: str, part: int) -> str:
        """All that a batch says from this part on."""
        statement = (
            select(ChannelOutbound.text)
            .where(
                ChannelOutbound.client_id == self._client_id,
                ChannelOutbound.batch == batch,
                ChannelOutbound.part >= part,
            )
            .order_by(ChannelOutbound.part)
        )
        return "\n\n".join((await self._connection.execute(statement)).scalars())

    async def begin(self, task: Task) -> bool:
        """Say that the vendor is about to be asked; False where that has been said before."""
        own = (
            update(ChannelOutbound)
            .where(*self._latest(task), ChannelOutbound.status == "pending")
            .values(status="sending")
        )
        return (await self._connection.execute(own)).rowcount == 1

    async def record(self, task: Task, sent: Sent, *, now: datetime) -> bool:
        """What came of the attempt, unless the vendor has told more of it already."""
        values: dict[str, Any] = {
            "status": sent.status,
            "code": clean(sent.code)[:MAX_CODE_CHARS],
            "detail": clean(sent.detail)[:MAX_DETAIL_CHARS],
            "status_at": now,
            "next_attempt_at": now + timedelta(seconds=sent.wait_s or 0),
        }
        if sent.vendor_key is not None:
            await self._connection.execute(
                update(ChannelOutbound).where(*self._latest(task)).values(vendor_key=sent.vendor_key)
            )
        own = (
            update(ChannelOutbound)
            .where(*self._latest(task), ChannelOutbound.status.in_(OPEN))
            .values(**values)
            .returning(ChannelOutbound.batch, ChannelOutbound.part)
        )
        row = (await self._connection.execute(own)).one_or_none()
        if row is not None and (sent.status == "failed" or sent.is_whole):
            # The rest of what could not be begun makes no sense; or it has gone with the first.
            await self._connection.execute(
                update(ChannelOutbound)
                .where(
                    ChannelOutbound.client_id == self._client_id,
                    ChannelOutbound.batch == row.batch,
                    ChannelOutbound.part > row.part,
                    ChannelOutbound.status == "pending",
                )
                .values(**values, vendor_key=sent.vendor_key)
            )
        return row is not None

    def _latest(self, task: Task) -> Sequence[Any]:
        return (
            ChannelOutbound.client_id == self._client_id,
            ChannelOutbound.id == task.item_id,
            ChannelOutbound.attempts == task.number,
        )
