"""One client's rows that hold words of a visitor to be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.models import (
    ChannelAccount,
    ChannelContact,
    ChannelInbound,
    ChannelOutbound,
    ChannelThread,
    Conversation,
    Erasure,
    Feedback,
    FollowUp,
    Message,
    OutboxEvent,
    PluginEntry,
    ToolExecution,
    Turn,
    Visitor,
)

# By so much servers' clocks may differ.
SKEW = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what is to be forgotten: a verified visitor by the host page's id, or one session."""

    external_id: str | None = None
    session_id: str | None = None
    until: datetime | None = None
    """Conversations that the visitor has begun since are left alone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A conversation to be emptied. While it `is_leased`, a turn may still write."""

    id: str
    session_id: str
    is_leased: bool


class ErasureRepository:
    """One client's."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def begin(self, erasure_id: str, subject: Subject, *, now: datetime) -> None:
        await self._connection.execute(
            insert(Erasure).values(
                id=erasure_id,
                client_id=self._client_id,
                external_id=subject.external_id,
                session_id=subject.session_id,
                requested_at=now,
                tried_at=now,
                finished_at=None,
                failing=[],
            )
        )

    async def close(self, subject: Subject, *, now: datetime) -> list[Taken]:
        """End the subject's conversations, so that nothing more is said in them; which they are."""
        closed = (
            update(Conversation)
            .where(*self._of(subject))
            .values(
                ended_at=func.coalesce(Conversation.ended_at, now),
                # What a turn is about to say is refused by the row.
                state="queued",
                fence=Conversation.fence + 1,
            )
            .returning(Conversation.id, Conversation.session_id, Conversation.lease_turn_id)
        )
        rows = await self._connection.execute(closed)
        # The turn, not whether there is one: SQLite 3.40 may answer IS NOT NULL in RETURNING with true.
        taken = [Taken(row.id, row.session_id, row.lease_turn_id is not None) for row in rows]
        await self._connection.execute(
            update(Turn)
            .where(
                Turn.client_id == self._client_id,
                Turn.conversation_id.in_([each.id for each in taken if each.is_leased]),
                Turn.status == "running",
            )
            .values(is_stop_requested=True)
        )
        return taken

    async def empty(self, conversation_ids: Sequence[str]) -> None:
        """Take all words out of what is stored of the conversations."""
        of_them = {
            table: (table.client_id == self._client_id, table.conversation_id.in_(conversation_ids))
            for table in (Message, Feedback, FollowUp, Turn, ToolExecution)
        }
        execute = self._connection.execute
        await execute(delete(Message).where(*of_them[Message]))
        await execute(delete(Feedback).where(*of_them[Feedback]))
        await execute(delete(FollowUp).where(*of_them[FollowUp]))
        await execute(
            update(Turn)
            .where(*of_them[Turn], Turn.status != "running")
            .values(outcome=None, idempotency_key=None)
        )
        # What still waits for the visitor's word would otherwise be done without its arguments.
        decided = case((ToolExecution.status == "waiting", "declined"), else_=ToolExecution.status)
        await execute(
            update(ToolExecution)
            .where(*of_them[ToolExecution])
            .values(parameters={}, n8n_response=None, status=decided)
        )
        await execute(
            update(Conversation)
            .where(Conversation.client_id == self._client_id, Conversation.id.in_(conversation_ids))
            .values(
                user_identifier=None,
                contact_email=None,
                details={},
                summary=None,
                summary_seq=0,
                summary_since=None,
                thumbs_down_count=0,
                rating=None,
            )
        )

    async def empty_events(self, session_ids: Sequence[str]) -> None:
        """Take addresses out of what the client's webhook was told, or is to be told."""
        await self._connection.execute(
            update(OutboxEvent)
            .where(
                OutboxEvent.client_id == self._client_id,
                OutboxEvent.event == "conversation.contact_given",
                OutboxEvent.payload["session_id"].as_string().in_(session_ids),
            )
            .values(
                payload={},
                status=case((OutboxEvent.status == "pending", "failed"), else_=OutboxEvent.status),
            )
        )

    async def empty_channels(self, subject: Subject, session_ids: Sequence[str]) -> None:
        """Take what came and went on channels out as well, and who it was; but not who wants no messages."""
        of_visitor = contacts_of(self._client_id, subject)
        own = ChannelThread.client_id == self._client_id
        theirs = select(ChannelContact.id).where(ChannelContact.client_id == self._client_id, of_visitor)
        of_session = ChannelThread.session_id.in_(session_ids)
        is_theirs = (
            or_(of_session, ChannelThread.contact_id.in_(theirs)) if subject.external_id else of_session
        )
        execute = self._connection.execute
        await self._drop_written_to(session_ids)
        rows = (await execute(select(ChannelThread.id, ChannelThread.contact_id).where(own, is_theirs))).all()
        threads, contacts = [row[0] for row in rows], [row[1] for row in rows]
        await execute(
            update(ChannelInbound)
            .where(ChannelInbound.client_id == self._client_id, ChannelInbound.thread_id.in_(threads))
            .values(
                text="",
                media=[],
                status=case(
                    (ChannelInbound.status.in_(("waiting", "working")), "ignored"),
                    else_=ChannelInbound.status,
                ),
            )
        )
        await execute(
            update(ChannelOutbound)
            .where(ChannelOutbound.client_id == self._client_id, ChannelOutbound.thread_id.in_(threads))
            .values(
                text="",
                detail="",
                status=case((ChannelOutbound.status == "pending", "failed"), else_=ChannelOutbound.status),
            )
        )
        await execute(
            update(ChannelThread)
            .where(own, ChannelThread.id.in_(threads))
            .values(session_id=None, subject="", confirmations=[])
        )
        await execute(
            update(ChannelContact)
            .where(ChannelContact.client_id == self._client_id, ChannelContact.id.in_(contacts))
            .values(name="")
        )
        if subject.external_id is not None:
            await execute(
                delete(ChannelContact).where(
                    ChannelContact.client_id == self._client_id,
                    ChannelContact.opted_out_at.is_(None),
                    of_visitor,
                )
            )

    async def _drop_written_to(self, session_ids: Sequence[str]) -> None:
        """Whom teammates' words were mailed to, and who never wrote: nothing comes in for them again."""
        own = (ChannelThread.client_id == self._client_id, ChannelThread.session_id.in_(session_ids))
        has_written = exists().where(
            ChannelThread.client_id == ChannelContact.client_id,
            ChannelThread.contact_id == ChannelContact.id,
            or_(ChannelThread.heard_id != "", ChannelThread.session_id.not_in(session_ids)),
        )
        await self._connection.execute(
            delete(ChannelContact).where(
                ChannelContact.client_id == self._client_id,
                ChannelContact.id.in_(select(ChannelThread.contact_id).where(*own)),
                ChannelContact.opted_out_at.is_(None),
                ~has_written,
            )
        )

    async def forget(self, subject: Subject) -> None:
        """Forget who it was: the last thing, since conversations are found by it. Plugins' entries go too."""
        execute = self._connection.execute
        await execute(update(Conversation).where(*self._of(subject)).values(visitor_id=None))
        if subject.external_id is None:
            return
        own = (Visitor.client_id == self._client_id, Visitor.external_id == subject.external_id)
        entries: tuple[ColumnElement[bool], ...] = (
            PluginEntry.client_id == self._client_id,
            PluginEntry.visitor_id.in_(select(Visitor.id).where(*own)),
        )
        if subject.until is not None:
            entries = (*entries, PluginEntry.updated_at <= subject.until)
        await execute(delete(PluginEntry).where(*entries))
        # Who has come again since is known by that.
        has_come_again = exists().where(
            Conversation.client_id == Visitor.client_id, Conversation.visitor_id == Visitor.id
        )
        await execute(delete(Visitor).where(*own, ~has_come_again))

    # -- for the one whom it is about -------------------------------------------------------------------

    async def conversations(self, subject: Subject) -> list[dict[str, Any]]:
        columns = (
            *(Conversation.id, Conversation.session_id, Conversation.channel, Conversation.user_identifier),
            Conversation.contact_email,
            *(Conversation.details, Conversation.summary, Conversation.started_at, Conversation.ended_at),
        )
        return await self._rows(select(*columns).where(*self._of(subject)).order_by(Conversation.started_at))

    async def messages(self, conversation_id: str) -> list[dict[str, Any]]:
        return await self._rows(
            select(Message.role, Message.author, Message.content, Message.parts, Message.timestamp)
            .where(Message.client_id == self._client_id, Message.conversation_id == conversation_id)
            .order_by(Message.seq)
        )

    async def feedback(self, conversation_id: str) -> list[dict[str, Any]]:
        columns = (Feedback.kind, Feedback.about_id, Feedback.value, Feedback.comment, Feedback.updated_at)
        return await self._rows(
            select(*columns)
            .where(Feedback.client_id == self._client_id, Feedback.conversation_id == conversation_id)
            .order_by(Feedback.created_at)
        )

    async def tool_calls(self, conversation_id: str) -> list[dict[str, Any]]:
        columns = (
            *(ToolExecution.tool_name, ToolExecution.parameters, ToolExecution.n8n_response),
            *(ToolExecution.status, ToolExecution.timestamp),
        )
        return await self._rows(
            select(*columns)
            .where(
                ToolExecution.client_id == self._client_id, ToolExecution.conversation_id == conversation_id
            )
            .order_by(ToolExecution.timestamp)
        )

    async def plugin_entries(self, subject: Subject) -> list[dict[str, Any]]:
        statement = (
            select(PluginEntry.plugin, PluginEntry.key, PluginEntry.value, PluginEntry.updated_at)
            .join(Visitor, Visitor.id == PluginEntry.visitor_id)
            .where(
                PluginEntry.client_id == self._client_id,
                Visitor.client_id == self._client_id,
                Visitor.external_id == subject.external_id,
            )
            .order_by(PluginEntry.plugin, PluginEntry.key)
        )
        return await self._rows(statement)

    async def _rows(self, statement: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self._connection.execute(statement)).mappings()]

    async def note(self, erasure_id: str, failing: Sequence[str], *, now: datetime, is_done: bool) -> None:
        done = {"finished_at": now, "external_id": None} if is_done else {}
        await self._connection.execute(
            update(Erasure)
            .where(Erasure.client_id == self._client_id, Erasure.id == erasure_id)
            .values(tried_at=now, failing=list(failing), **done)
        )

    def _of(self, subject: Subject) -> tuple[ColumnElement[bool], ...]:
        own = Conversation.client_id == self._client_id
        if subject.session_id is not None:
            return own, Conversation.session_id == subject.session_id
        of_visitor = Conversation.visitor_id.in_(
            select(Visitor.id).where(
                Visitor.client_id == self._client_id, Visitor.external_id == subject.external_id
            )
        )
        if subject.until is None:
            return own, of_visitor
        return own, of_visitor, Conversation.started_at <= subject.until


def contacts_of(client_id: str, subject: Subject) -> ColumnElement[bool]:
    """Whether a channel's contact is the visitor, of whom the channel vouches."""
    return ChannelContact.id.in_(
        select(ChannelContact.id)
        .join(ChannelAccount, ChannelAccount.id == ChannelContact.account_id)
        .where(
            ChannelAccount.client_id == client_id,
            ChannelAccount.channel + ":" + ChannelContact.address == subject.external_id,
            *((ChannelContact.heard_at <= subject.until,) if subject.until is not None else ()),
        )
    )


async def open_erasures(connection: AsyncConnection, *, before: datetime) -> list[tuple[str, str, Subject]]:
    """Wishes of any client that were last tried before this moment: client, id, subject."""
    statement = (
        select(
            *(Erasure.client_id, Erasure.id, Erasure.external_id, Erasure.session_id),
            Erasure.requested_at,
        )
        .where(Erasure.finished_at.is_(None), Erasure.tried_at < before)
        .order_by(Erasure.tried_at)
        .limit(100)
    )
    return [
        (row[0], row[1], Subject(row[2], row[3], row[4] + SKEW))
        for row in await connection.execute(statement)
    ]
