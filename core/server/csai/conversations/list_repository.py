"""Conversations in a list: of one client or, for the operator, of several, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    any_,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from csai.conversations.words import on_postgresql, on_sqlite, words_of
from csai.kit.cursor import Place
from csai.models import Client, Conversation, Message
from csai.models.base import Id, UtcDateTime

Statement = Select[*tuple[Any, ...]]

ORDER = "last_message"
WALKED = 400
"""Conversations among which a search looks first. Most searches for common words end there; others are for
rare words, which the index finds at once."""
EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations are asked for; `clients` are those whose they may be, None for all."""

    clients: Collection[str] | None = None
    state: str | None = None
    channel: str | None = None
    is_test: bool = False
    has_tools: bool | None = None
    has_failed_tool: bool = False
    has_thumbs_down: bool = False
    rating: int | None = None
    visitor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class ListedConversation:
    id: str
    client_id: str
    client_name: str
    session_id: str
    answered_by: str
    since: datetime | None
    teammate: str | None
    ended_at: datetime | None
    channel: str
    visitor: str | None
    email: str | None
    messages: int
    started_at: datetime
    last_message_at: datetime
    tokens: int
    tool_calls: int
    failed_tool_calls: int
    cost_micros: int
    thumbs_down: int
    rating: int | None

    @property
    def state(self) -> str:
        return "closed" if self.ended_at is not None else self.answered_by

    @property
    def place(self) -> Place:
        return Place.at(ORDER, self.last_message_at, self.id)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The beginning of a conversation's last message."""

    author: str
    text: str
    at: datetime


_COLUMNS = (
    *(Conversation.id, Conversation.client_id, Client.name, Conversation.session_id, Conversation.state),
    *(Conversation.state_since, Conversation.teammate, Conversation.ended_at, Conversation.channel),
    *(Conversation.user_identifier, Conversation.contact_email, Conversation.message_count),
    *(Conversation.started_at, Conversation.last_message_at, Conversation.tokens_total),
    *(Conversation.tool_call_count, Conversation.failed_tool_count, Conversation.cost_micros),
    *(Conversation.thumbs_down_count, Conversation.rating),
)
_ROW: Statement = select(*_COLUMNS).join_from(Conversation, Client, Client.id == Conversation.client_id)


class ConversationList:
    """The conversations that fit a filter, the one last spoken in first."""

    def __init__(self, connection: AsyncConnection, asked: ConversationFilter) -> None:
        self._connection = connection
        self._asked = asked
        self._words = words_of(asked.search)

    async def page(
        self, *, after: Place | None, count: int, is_upwards: bool = False
    ) -> Sequence[ListedConversation]:
        """So many after a place; `is_upwards`: before it, the nearest first."""
        if self._asked.search and not self._words:
            return []
        if self._words and self._connection.dialect.name == "postgresql":
            walked = await self._walk(after, count, is_upwards=is_upwards)
            if walked is not None:
                return walked
        statement = _ROW.where(*self._conditions())
        if self._words:
            statement = statement.where(self._has_words())
        return await self._rows(_sorted(statement, after, is_upwards=is_upwards).limit(count))

    async def get(self, conversation_id: str) -> ListedConversation | None:
        """One of the clients' conversations, whether or not it fits what else is asked for."""
        statement = _ROW.where(Conversation.id == conversation_id, *_of(self._asked.clients))
        rows = await self._rows(statement)
        return rows[0] if rows else None

    async def changed(self, since: datetime, *, count: int) -> Sequence[ListedConversation]:
        """The clients' conversations in which something was said, or that were handed over, since then."""
        has_changed = or_(
            Conversation.last_message_at >= since,
            Conversation.state_since >= since,
            Conversation.ended_at >= since,
        )
        statement = _ROW.where(has_changed, Conversation.is_test.is_(False), *_of(self._asked.clients))
        return await self._rows(statement.order_by(Conversation.last_message_at.desc()).limit(count))

    async def named(self, conversation_ids: Collection[str]) -> Sequence[ListedConversation]:
        """Those of the clients' conversations, also where they are tests."""
        return await self._rows(_ROW.where(Conversation.id.in_(conversation_ids), *_of(self._asked.clients)))

    async def excerpts(self, conversation_ids: Sequence[str]) -> dict[str, Excerpt]:
        """The last message of each of these conversations, which the caller may see."""
        last = (
            select(Message.id)
            .where(Message.client_id == Conversation.client_id, Message.conversation_id == Conversation.id)
            .order_by(Message.seq.desc())
            .limit(1)
            .correlate(Conversation)
            .scalar_subquery()
        )
        said = aliased(Message)
        statement = (
            select(
                said.conversation_id,
                said.author,
                func.substr(said.content, 1, EXCERPT_CHARS),
                said.timestamp,
            )
            .join_from(Conversation, said, said.id == last)
            .where(Conversation.id.in_(conversation_ids), said.client_id == Conversation.client_id)
        )
        return {row[0]: Excerpt(*row[1:]) for row in await self._connection.execute(statement)}

    async def _walk(
        self, after: Place | None, count: int, *, is_upwards: bool
    ) -> Sequence[ListedConversation] | None:
        """The page, where its words are so common that they stand in the nearest conversations."""
        near: Statement = select(Conversation.id, Conversation.last_message_at).where(*self._conditions())
        nearest = _sorted(near, after, is_upwards=is_upwards).limit(WALKED).subquery()
        # OFFSET 0: else PostgreSQL makes a join of it, and reads all messages that have the words.
        has_words = exists(
            select(Message.id)
            .where(Message.conversation_id == nearest.c.id, _fits(self._query()))
            .offset(literal_column("0"))
        )
        key = (nearest.c.last_message_at, nearest.c.id)
        ids = (
            select(nearest.c.id)
            .where(has_words)
            .order_by(*key if is_upwards else (each.desc() for each in key))
            .limit(count)
        )
        found = list((await self._connection.execute(ids)).scalars())
        if len(found) < count:
            return None
        return await self._rows(_sorted(_ROW.where(Conversation.id.in_(found)), None, is_upwards=is_upwards))

    def _has_words(self) -> ColumnElement[bool]:
        if self._connection.dialect.name == "postgresql":
            # An array: PostgreSQL cannot tell how many there are, and may look into every conversation else.
            found = select(Message.conversation_id).where(_fits(self._query())).distinct()
            return Conversation.id == any_(func.array(found.scalar_subquery()))
        index = table("message_words", column("conversation_id", Id))
        fits = text("message_words MATCH :words").bindparams(words=self._query())
        return Conversation.id.in_(select(index.c.conversation_id).where(fits))

    def _query(self) -> str:
        of = on_postgresql if self._connection.dialect.name == "postgresql" else on_sqlite
        return of(self._words, self._asked.clients)

    def _conditions(self) -> list[ColumnElement[bool]]:
        """All but the words. Numbers stand in the text: so each finds its partial index."""
        asked = self._asked
        zero: ColumnElement[int] = literal_column("0")
        conditions = _of(asked.clients) + _of_state(asked.state)
        conditions.append(Conversation.is_test.is_(asked.is_test))
        if asked.channel is not None:
            conditions.append(Conversation.channel == asked.channel)
        if asked.has_tools is not None:
            count = Conversation.tool_call_count
            conditions.append(count > zero if asked.has_tools else count == zero)
        if asked.has_failed_tool:
            conditions.append(Conversation.failed_tool_count > zero)
        if asked.has_thumbs_down:
            conditions.append(Conversation.thumbs_down_count > zero)
        if asked.rating is not None:
            conditions += [Conversation.rating.is_not(None), Conversation.rating == asked.rating]
        if asked.visitor is not None:
            conditions.append(Conversation.user_identifier == asked.visitor)
        if asked.since is not None:
            conditions.append(Conversation.last_message_at >= asked.since)
        if asked.until is not None:
            conditions.append(Conversation.last_message_at < asked.until)
        return conditions

    async def _rows(self, statement: Statement) -> list[ListedConversation]:
        rows = await self._connection.execute(statement)
        return [ListedConversation(*row) for row in rows]


def _of(clients: Collection[str] | None) -> list[ColumnElement[bool]]:
    if clients is None:
        return []
    if len(clients) == 1:
        return [Conversation.client_id == next(iter(clients))]
    return [Conversation.client_id.in_(sorted(clients))]


def _of_state(state: str | None) -> list[ColumnElement[bool]]:
    if state is None:
        return []
    if state == "closed":
        return [Conversation.ended_at.is_not(None)]
    is_open = [Conversation.ended_at.is_(None), Conversation.state == state]
    return is_open if state == "ai" else [*is_open, Conversation.state != literal_column("'ai'")]


def _sorted(statement: Statement, after: Place | None, *, is_upwards: bool) -> Statement:
    key = (Conversation.last_message_at, Conversation.id)
    if after is not None:
        there = tuple_(literal(after.moment, UtcDateTime), literal(after.id, Id))
        statement = statement.where(tuple_(*key) > there if is_upwards else tuple_(*key) < there)
    return statement.order_by(*key if is_upwards else (each.desc() for each in key))


def _fits(query: str) -> ColumnElement[bool]:
    words: ColumnElement[Any] = literal_column("messages.words")
    return words.bool_op("@@")(func.to_tsquery(literal_column("'simple'"), query))
