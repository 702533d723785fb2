"""Messages that wait for their answer: which is next, what is known of it, what came of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai_sdk import Media
from csai_sdk.channel import Consent
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.channels.account import AccountRow
from csai.channels.repository import ACCOUNT_COLUMNS, account_of
from csai.channels.task import Task
from csai.channels.task_repository import claim_task, due_tasks
from csai.models import (
    ChannelAccount,
    ChannelContact,
    ChannelInbound,
    ChannelOutbound,
    ChannelThread,
    Client,
    Conversation,
)

OPEN = ("waiting", "working")


@dataclass(frozen=True, slots=True)
class Heard:
    """A visitor's message, with the conversation it belongs to."""

    id: str
    vendor_id: str
    text: str
    media: Sequence[Media]
    told_consent: Consent | None
    attempts: int
    thread_id: str
    thread: str
    session_id: str | None
    confirmations: Sequence[Any]
    contact_id: str
    address: str
    name: str
    opted_out_at: datetime | None
    noticed_at: datetime | None
    config_version: int
    account: AccountRow


async def due_messages(
    connection: AsyncConnection, *, now: datetime, count: int, busy: Collection[str]
) -> list[Task]:
    """The next messages to be answered, of any client but those `busy`: of a thread the oldest alone."""
    return await due_tasks(
        connection, "answer", ChannelInbound, statuses=OPEN, now=now, count=count, busy=busy
    )


class HeardRepository:
    """One client's messages from channels."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def claim(self, task: Task, *, now: datetime, until: datetime) -> bool:
        """Count the attempt, which is lost when nothing is heard of it `until` then; False if taken."""
        return await claim_task(
            self._connection, task, ChannelInbound, statuses=OPEN, now=now, until=until, status="working"
        )

    async def get(self, task: Task) -> Heard | None:
        """The message, while this attempt is the latest."""
        statement = (
            select(
                *(ChannelInbound.id, ChannelInbound.vendor_id, ChannelInbound.text, ChannelInbound.media),
                *(ChannelInbound.consent, ChannelInbound.attempts),
                *(ChannelThread.id, ChannelThread.thread, ChannelThread.session_id),
                ChannelThread.confirmations,
                *(ChannelContact.id, ChannelContact.address, ChannelContact.name),
                *(ChannelContact.opted_out_at, ChannelContact.noticed_at, Client.config_version),
                *ACCOUNT_COLUMNS,
            )
            .join(ChannelThread, ChannelThread.id == ChannelInbound.thread_id)
            .join(ChannelContact, ChannelContact.id == ChannelThread.contact_id)
            .join(ChannelAccount, ChannelAccount.id == ChannelInbound.account_id)
            .join(Client, Client.id == ChannelInbound.client_id)
            .where(*self._under_way(task))
        )
        row = (await self._connection.execute(statement)).first()
        if row is None:
            return None
        values = list(row)
        values[3] = [Media(**each) for each in values[3]]
        return Heard(*[*values[:16], account_of(values[16:])])

    async def end(self, task: Task, status: str, **values: Any) -> bool:
        """Say what came of the message; False when this attempt is no longer the latest."""
        own = update(ChannelInbound).where(*self._under_way(task)).values(status=status, **values)
        return (await self._connection.execute(own)).rowcount == 1

    async def answered_since(self, contact_id: str, since: datetime) -> int:
        """How many messages of a contact have come since then and been answered."""
        statement = (
            select(func.count())
            .select_from(ChannelInbound)
            .join(ChannelThread, ChannelThread.id == ChannelInbound.thread_id)
            .where(
                ChannelInbound.client_id == self._client_id,
                ChannelThread.contact_id == contact_id,
                ChannelInbound.received_at > since,
                ChannelInbound.status == "done",
            )
        )
        return int((await self._connection.execute(statement)).scalar_one())

    async def latest_texts(self, thread_id: str) -> list[str]:
        """What was written last in a conversation, the latest first."""
        statement = (
            select(ChannelInbound.text)
            .where(ChannelInbound.client_id == self._client_id, ChannelInbound.thread_id == thread_id)
            .order_by(ChannelInbound.id.desc())
            .limit(5)
        )
        return list((await self._connection.execute(statement)).scalars())

    async def set_thread(self, thread_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(ChannelThread)
            .where(ChannelThread.client_id == self._client_id, ChannelThread.id == thread_id)
            .values(**values)
        )

    async def set_contact(self, contact_id: str, **values: Any) -> None:
        await self._connection.execute(
            update(ChannelContact)
            .where(ChannelContact.client_id == self._client_id, ChannelContact.id == contact_id)
            .values(**values)
        )

    async def drop_pending(self, contact_id: str, *, now: datetime) -> None:
        """Send nothing of what is still on its way to somebody who wants no messages."""
        threads = select(ChannelThread.id).where(
            ChannelThread.client_id == self._client_id, ChannelThread.contact_id == contact_id
        )
        await self._connection.execute(
            update(ChannelOutbound)
            .where(
                ChannelOutbound.client_id == self._client_id,
                ChannelOutbound.thread_id.in_(threads),
                ChannelOutbound.status == "pending",
            )
            .values(status="failed", code="opted_out", status_at=now)
        )

    async def goes_on(self, session_id: str, *, since: datetime | None) -> bool:
        """Whether a conversation goes on: not ended, and not silent since then unless a person has it."""
        own = [
            Conversation.client_id == self._client_id,
            Conversation.session_id == session_id,
            Conversation.ended_at.is_(None),
        ]
        if since is not None:
            own.append((Conversation.last_message_at >= since) | (Conversation.state != "ai"))
        statement = select(func.count()).where(*own)
        return bool((await self._connection.execute(statement)).scalar())

    def _under_way(self, task: Task) -> Sequence[Any]:
        return (
            ChannelInbound.client_id == self._client_id,
            ChannelInbound.id == task.item_id,
            ChannelInbound.attempts == task.number,
            ChannelInbound.status == "working",
        )
