"""The turn's statements: replay, accept, settle. All of a turn's writing is in two short transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String, Text, bindparam, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import Conversation, LedgerEntry, Message, Turn
from csai.models.base import Id, Json, UtcDateTime
from csai.statement import Prepared, Step, prepared_insert


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn as a replay finds it."""

    id: str
    status: str
    body_hash: str
    outcome: Mapping[str, Any] | None
    accepted_at: datetime
    session_id: str


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A conversation taken by a turn."""

    conversation_id: str
    fence: int
    seq: int
    visitor_id: str | None


@dataclass(frozen=True, slots=True)
class StateRow:
    """Why a conversation could not be taken."""

    id: str
    ended_at: datetime | None
    lease_turn_id: str | None
    lease_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    role: str
    content: str
    parts: Mapping[str, Any] | None


_TURN = (
    select(Turn.id, Turn.status, Turn.body_hash, Turn.outcome, Turn.accepted_at, Conversation.session_id)
    .join_from(Turn, Conversation, Conversation.id == Turn.conversation_id)
    .where(Turn.client_id == bindparam("client"))
)
_BY_KEY = Prepared(_TURN.where(Turn.idempotency_key == bindparam("key")))
_BY_ID = Prepared(_TURN.where(Turn.id == bindparam("turn")))
_LEASE = (Conversation.id, Conversation.fence, Conversation.next_seq - 2, Conversation.visitor_id)
_BEGIN_CONVERSATION = Prepared(
    insert(Conversation).returning(*_LEASE),
    columns=[column.name for column in Conversation.__table__.columns],
)
_TAKE = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.session_id == bindparam("session"),
        Conversation.ended_at.is_(None),
        Conversation.lease_turn_id.is_(None),
    )
    .values(
        fence=Conversation.fence + 1,
        next_seq=Conversation.next_seq + 2,
        lease_turn_id=bindparam("turn"),
        lease_expires_at=bindparam("expires"),
        last_message_at=bindparam("now"),
    )
    .returning(*_LEASE)
)
_OF_SESSION = (
    Conversation.client_id == bindparam("client"),
    Conversation.session_id == bindparam("session"),
)
# Sent together with the taking of the conversation, so they must do nothing where it failed.
_TAKEN = (*_OF_SESSION, Conversation.lease_turn_id == bindparam("turn"))
_BEGIN_TURN = Prepared(
    insert(Turn).from_select(
        [
            *("id", "client_id", "conversation_id", "status", "idempotency_key", "body_hash", "fence"),
            *("period", "reserved", "is_stop_requested", "accepted_at", "deadline_at"),
        ],
        select(
            bindparam("turn", type_=Id),
            Conversation.client_id,
            Conversation.id,
            literal("running", String),
            bindparam("key", type_=String),
            bindparam("body_hash", type_=String),
            Conversation.fence,
            bindparam("period", type_=String),
            bindparam("reserved", type_=Json),
            literal(False, Boolean),
            bindparam("now", type_=UtcDateTime),
            bindparam("deadline", type_=UtcDateTime),
        ).where(*_TAKEN),
        include_defaults=False,
    )
)
_ASK = Prepared(
    insert(Message).from_select(
        [
            *("id", "client_id", "conversation_id", "turn_id", "seq", "role", "author", "content"),
            *("tokens_used", "timestamp"),
        ],
        select(
            bindparam("message", type_=Id),
            Conversation.client_id,
            Conversation.id,
            bindparam("turn", type_=Id),
            Conversation.next_seq - 2,
            literal("user", String),
            literal("visitor", String),
            bindparam("content", type_=Text),
            literal(0, Integer),
            bindparam("now", type_=UtcDateTime),
        ).where(*_TAKEN),
        include_defaults=False,
    )
)
_HISTORY = Prepared(
    select(Message.role, Message.content, Message.parts)
    .where(
        Message.client_id == bindparam("client"),
        Message.conversation_id == bindparam("conversation"),
        Message.seq < bindparam("before"),
    )
    .order_by(Message.seq.desc())
    .limit(bindparam("count"))
)
_LET_GO = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.fence == bindparam("expected_fence"),
        Conversation.lease_turn_id == bindparam("turn"),
    )
    .values(
        lease_turn_id=None,
        lease_expires_at=None,
        last_message_at=bindparam("now"),
        message_count=Conversation.message_count + bindparam("messages"),
        tokens_total=Conversation.tokens_total + bindparam("tokens"),
    )
    .returning(Conversation.id)
)
_FINISH = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
    )
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("new_outcome"),
        reserved=bindparam("nothing"),
        finished_at=bindparam("now"),
    )
    .returning(Turn.id)
)
_ANSWER = prepared_insert(Message)
_BOOK = prepared_insert(LedgerEntry)
_STATE = Prepared(
    select(
        Conversation.id, Conversation.ended_at, Conversation.lease_turn_id, Conversation.lease_expires_at
    ).where(*_OF_SESSION)
)
_RESERVED = Prepared(
    select(Turn.period, Turn.reserved).where(
        Turn.client_id == bindparam("client"), Turn.id == bindparam("turn")
    )
)
_BREAK = Prepared(
    update(Conversation)
    .where(
        Conversation.client_id == bindparam("client"),
        Conversation.id == bindparam("conversation"),
        Conversation.lease_turn_id == bindparam("turn"),
        Conversation.lease_expires_at < bindparam("now"),
    )
    .values(lease_turn_id=None, lease_expires_at=None, fence=Conversation.fence + 1)
    .returning(Conversation.id)
)
_FORGET_KEY = Prepared(
    update(Turn)
    .where(Turn.client_id == bindparam("client"), Turn.id == bindparam("turn"))
    .values(idempotency_key=None)
)


_REQUEST_STOP = Prepared(
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.status == "running",
        Turn.id
        == select(Conversation.lease_turn_id)
        .where(Conversation.client_id == bindparam("client"), Conversation.session_id == bindparam("session"))
        .scalar_subquery(),
    )
    .values(is_stop_requested=True)
)


class TurnRepository:
    """One client's turns and their conversations, as steps for `Database.fetch` and `Database.transact`."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def _step(self, statement: Prepared, **values: Any) -> Step:
        return Step(statement, {"client": self._client_id, **values})

    def by_key(self, key: str) -> Step:
        """A `TurnRow`."""
        return self._step(_BY_KEY, key=key)

    def by_id(self, turn_id: str) -> Step:
        """A `TurnRow`."""
        return self._step(_BY_ID, turn=turn_id)

    def forget_key(self, turn_id: str) -> Step:
        """Free an idempotency key whose time is over."""
        return self._step(_FORGET_KEY, turn=turn_id)

    def state(self, session_id: str) -> Step:
        """A `StateRow`."""
        return self._step(_STATE, session=session_id)

    def begin_conversation(self, *, turn_id: str, expires: datetime, now: datetime, **columns: Any) -> Step:
        """Insert a conversation, leased to its first turn. A `LeaseRow`."""
        begun = {
            "client_id": self._client_id,
            "started_at": now,
            "last_message_at": now,
            "ended_at": None,
            "message_count": 0,
            "tokens_total": 0,
            "next_seq": 3,
            "fence": 1,
            "lease_turn_id": turn_id,
            "lease_expires_at": expires,
        }
        return Step(_BEGIN_CONVERSATION, begun | columns)

    def take(self, session_id: str, *, turn_id: str, expires: datetime, now: datetime) -> Step:
        """Lease the conversation to a turn, raising the fence.

        A `LeaseRow`; no row when it is taken, has ended or does not exist.
        """
        return self._step(_TAKE, session=session_id, turn=turn_id, expires=expires, now=now)

    def begin_turn(self, session_id: str, **values: Any) -> Step:
        """Insert the turn that has just taken, or begun, the conversation."""
        return self._step(_BEGIN_TURN, session=session_id, **values)

    def ask(self, session_id: str, **values: Any) -> Step:
        """Insert the visitor's message, under the number that taking the conversation set apart."""
        return self._step(_ASK, session=session_id, **values)

    def history(self, conversation_id: str, *, before: int, count: int) -> Step:
        """`HistoryRow`s: the newest `count` messages before number `before`, newest first."""
        return self._step(_HISTORY, conversation=conversation_id, before=before, count=count)

    def let_go(
        self, conversation_id: str, *, turn_id: str, fence: int, messages: int, tokens: int, now: datetime
    ) -> Step:
        """End the lease and count. No row when the fence moved: then the turn may write nothing."""
        return self._step(
            _LET_GO,
            conversation=conversation_id,
            expected_fence=fence,
            turn=turn_id,
            messages=messages,
            tokens=tokens,
            now=now,
        )

    def finish(self, turn_id: str, *, status: str, outcome: Mapping[str, Any], now: datetime) -> Step:
        """Give the turn its outcome. No row when it has one already."""
        return self._step(_FINISH, turn=turn_id, new_status=status, new_outcome=outcome, nothing={}, now=now)

    def answer(self, **columns: Any) -> Step:
        return Step(_ANSWER, {"client_id": self._client_id, **columns})

    def book(self, **columns: Any) -> Step:
        """Add a row to the ledger."""
        return Step(_BOOK, {"client_id": self._client_id, **columns})

    def request_stop(self, session_id: str) -> Step:
        """Ask whichever process runs the session's turn to stop it."""
        return self._step(_REQUEST_STOP, session=session_id)

    def reserved(self, turn_id: str) -> Step:
        """The turn's period and what the counters hold for it."""
        return self._step(_RESERVED, turn=turn_id)

    def break_lease(self, state: StateRow, *, now: datetime) -> Step:
        """Free a conversation whose lease ran out. No row when someone was quicker."""
        return self._step(_BREAK, conversation=state.id, turn=state.lease_turn_id, now=now)


def abandoned_outcome(turn_id: str, now: datetime) -> dict[str, Any]:
    """What a turn whose process died is answered with."""
    return {
        "turn_id": turn_id,
        "status": "failed",
        "message": {
            "id": new_id(),
            "role": "assistant",
            "author": "ai",
            "content": "I'm sorry, I was interrupted and could not answer. Please ask again.",
            "created_at": now.isoformat(),
        },
        "tool_calls": [],
        "usage": {"tokens_input": 0, "tokens_output": 0, "cost": 0.0},
        "citations": [],
    }


async def stop_requests(connection: AsyncConnection, turn_ids: Sequence[str]) -> list[str]:
    """Which of the caller's running turns somebody asked to stop."""
    statement = select(Turn.id).where(Turn.id.in_(turn_ids), Turn.is_stop_requested)
    return list((await connection.execute(statement)).scalars())


async def renew_leases(connection: AsyncConnection, turn_ids: Sequence[str], *, expires: datetime) -> None:
    """Keep conversations leased to running turns. The caller runs these turns, whosever they are."""
    await connection.execute(
        update(Conversation).where(Conversation.lease_turn_id.in_(turn_ids)).values(lease_expires_at=expires)
    )
