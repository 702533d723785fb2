"""What is to be mailed to visitors who left an address and then the page: whether, up to where, to whom."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import (
    ChannelAccount,
    ChannelContact,
    ChannelThread,
    Client,
    Conversation,
    FollowUp,
    Message,
)
from csai.statement import upsert

# So long a word no stranger guesses: by it an answer to the mail finds its conversation.
THREAD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Due:
    """A follow-up whose time has come."""

    id: str
    client_id: str
    conversation_id: str
    config_version: int


@dataclass(frozen=True, slots=True)
class Unread:
    """What a visitor has not read, and where they want to be answered."""

    session_id: str
    email: str | None
    words: list[str]


@dataclass(frozen=True, slots=True)
class Post:
    """A thread of mails to somebody; `heard_id` is their last one, empty where they wrote none."""

    account_id: str
    thread_id: str
    heard_id: str


async def due_follow_ups(connection: AsyncConnection, *, now: datetime, count: int) -> list[Due]:
    """The next ones, of any client."""
    statement = (
        select(FollowUp.id, FollowUp.client_id, FollowUp.conversation_id, Client.config_version)
        .join(Client, Client.id == FollowUp.client_id)
        .where(FollowUp.due_at <= now, Client.status == "active")
        .order_by(FollowUp.due_at)
        .limit(count)
    )
    return [Due(*row) for row in await connection.execute(statement)]


class FollowUpRepository:
    """One client's."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def expect(self, conversation_id: str, seq: int, *, due_at: datetime) -> None:
        """A teammate's message has that number: have it mailed unless it is read before.

        Only to somebody of the widget who left an address. What waits unread already keeps its time.
        """
        reachable = select(Conversation.id).where(
            Conversation.client_id == self._client_id,
            Conversation.id == conversation_id,
            Conversation.channel == "widget",
            Conversation.contact_email.is_not(None),
        )
        if (await self._connection.execute(reachable)).first() is None:
            return
        await self._drop_read(conversation_id, before=seq)
        waiting = upsert(self._connection, FollowUp).values(
            id=new_id(),
            client_id=self._client_id,
            conversation_id=conversation_id,
            read_seq=seq - 1,
            due_at=due_at,
        )
        await self._connection.execute(
            waiting.on_conflict_do_update(
                index_elements=["client_id", "conversation_id"],
                # Changes nothing, but whoever takes the row now waits until this message can be seen.
                set_={"read_seq": FollowUp.read_seq},
            )
        )

    async def _drop_read(self, conversation_id: str, *, before: int) -> None:
        """Where all was read that waited, the time of what comes now begins anew."""
        is_unread = exists().where(
            Message.client_id == FollowUp.client_id,
            Message.conversation_id == FollowUp.conversation_id,
            Message.seq > FollowUp.read_seq,
            Message.seq < before,
            Message.author == "teammate",
        )
        await self._connection.execute(delete(FollowUp).where(*self._of(conversation_id), ~is_unread))

    async def is_news(self, conversation_id: str, seq: int) -> bool:
        """Whether something waits that is read now, up to this number."""
        statement = select(FollowUp.id).where(*self._of(conversation_id), FollowUp.read_seq < seq)
        return (await self._connection.execute(statement)).first() is not None

    async def read(self, conversation_id: str, seq: int) -> None:
        """The visitor has read up to this number."""
        await self._connection.execute(
            update(FollowUp).where(*self._of(conversation_id), FollowUp.read_seq < seq).values(read_seq=seq)
        )

    async def take(self, due: Due) -> Unread | None:
        """What is unread, which is nobody else's to mail then; None where it was taken, or is read."""
        taken = (
            delete(FollowUp)
            .where(FollowUp.client_id == self._client_id, FollowUp.id == due.id)
            .returning(FollowUp.read_seq)
        )
        read_seq = (await self._connection.execute(taken)).scalar_one_or_none()
        if read_seq is None:
            return None
        said = (
            select(Message.content)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id == due.conversation_id,
                Message.seq > read_seq,
                Message.author == "teammate",
            )
            .order_by(Message.seq)
        )
        words = list((await self._connection.execute(said)).scalars())
        if not words:
            return None
        whose = select(Conversation.session_id, Conversation.contact_email).where(
            Conversation.client_id == self._client_id, Conversation.id == due.conversation_id
        )
        row = (await self._connection.execute(whose)).one()
        return Unread(row.session_id, row.contact_email, words)

    async def visitor_texts(self, conversation_id: str) -> list[str]:
        """What the visitor wrote last: it tells their language."""
        statement = (
            select(Message.content)
            .where(
                Message.client_id == self._client_id,
                Message.conversation_id == conversation_id,
                Message.role == "user",
            )
            .order_by(Message.seq.desc())
            .limit(5)
        )
        return list((await self._connection.execute(statement)).scalars())

    async def account(self, channels: Collection[str]) -> tuple[str, str] | None:
        """The oldest account of these channels that is on, and its channel."""
        statement = (
            select(ChannelAccount.id, ChannelAccount.channel)
            .where(
                ChannelAccount.client_id == self._client_id,
                ChannelAccount.channel.in_(channels),
                ChannelAccount.enabled,
            )
            .order_by(ChannelAccount.id)
            .limit(1)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return (row.id, row.channel) if row is not None else None

    async def post(
        self, account_id: str, address: str, session_id: str, *, subject: str, now: datetime
    ) -> Post:
        """The thread of mails with this address that the session goes on in, begun where there is none."""
        contact_id = await self._contact(account_id, address, now=now)
        found = select(ChannelThread.id, ChannelThread.heard_id).where(
            ChannelThread.client_id == self._client_id,
            ChannelThread.contact_id == contact_id,
            ChannelThread.session_id == session_id,
        )
        row = (await self._connection.execute(found.order_by(ChannelThread.id).limit(1))).one_or_none()
        if row is not None:
            return Post(account_id, row.id, row.heard_id)
        thread_id = new_id()
        await self._connection.execute(
            upsert(self._connection, ChannelThread).values(
                id=thread_id,
                client_id=self._client_id,
                contact_id=contact_id,
                thread=secrets.token_hex(THREAD_BYTES),
                session_id=session_id,
                heard_id="",
                heard_at=now,
                subject=subject,
                earlier=[],
                confirmations=[],
            )
        )
        return Post(account_id, thread_id, "")

    async def _contact(self, account_id: str, address: str, *, now: datetime) -> str:
        contact = upsert(self._connection, ChannelContact).values(
            id=new_id(),
            client_id=self._client_id,
            account_id=account_id,
            address=address,
            name="",
            opted_out_at=None,
            heard_at=now,
            noticed_at=None,
        )
        await self._connection.execute(contact.on_conflict_do_nothing())
        found = select(ChannelContact.id).where(
            ChannelContact.client_id == self._client_id,
            ChannelContact.account_id == account_id,
            ChannelContact.address == address,
        )
        return str((await self._connection.execute(found)).scalar_one())

    def _of(self, conversation_id: str) -> tuple[ColumnElement[bool], ...]:
        return FollowUp.client_id == self._client_id, FollowUp.conversation_id == conversation_id
