"""The turn's statements: replay, accept, settle. All of a turn's writing is in two short transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.models import Conversation, LedgerEntry, Message, Turn
from csai.usage import counter


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


_REPLAY = (
    select(Turn.id, Turn.status, Turn.body_hash, Turn.outcome, Turn.accepted_at, Conversation.session_id)
    .join_from(Turn, Conversation, Conversation.id == Turn.conversation_id)
    .where(Turn.client_id == bindparam("client"))
)
_BY_KEY = _REPLAY.where(Turn.idempotency_key == bindparam("key"))
_BY_ID = _REPLAY.where(Turn.id == bindparam("turn"))
_TAKE = (
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
    .returning(Conversation.id, Conversation.fence, Conversation.next_seq - 2, Conversation.visitor_id)
)
_LET_GO = (
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
)
_FINISH = (
    update(Turn)
    .where(
        Turn.client_id == bindparam("client"),
        Turn.id == bindparam("turn"),
        Turn.status == "running",
    )
    .values(
        status=bindparam("new_status"),
        outcome=bindparam("new_outcome"),
        reserved={},
        finished_at=bindparam("now"),
    )
)
_HISTORY = (
    select(Message.role, Message.content, Message.parts)
    .where(
        Message.client_id == bindparam("client"),
        Message.conversation_id == bindparam("conversation"),
        Message.seq < bindparam("before"),
    )
    .order_by(Message.seq.desc())
    .limit(bindparam("count"))
)
_INSERT_CONVERSATION = insert(Conversation)
_INSERT_TURN = insert(Turn)
_INSERT_MESSAGE = insert(Message)
_INSERT_LEDGER = insert(LedgerEntry)


class TurnRepository:
    """Turns and conversations of one client."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def by_key(self, key: str) -> TurnRow | None:
        row = (await self._connection.execute(_BY_KEY, {"client": self._client_id, "key": key})).first()
        return TurnRow(*row) if row else None

    async def by_id(self, turn_id: str) -> TurnRow | None:
        row = (await self._connection.execute(_BY_ID, {"client": self._client_id, "turn": turn_id})).first()
        return TurnRow(*row) if row else None

    async def forget_key(self, turn_id: str) -> None:
        """Free an idempotency key whose time is over."""
        await self._connection.execute(
            update(Turn)
            .where(Turn.client_id == self._client_id, Turn.id == turn_id)
            .values(idempotency_key=None)
        )

    async def begin_conversation(self, **values: Any) -> None:
        await self._connection.execute(_INSERT_CONVERSATION, {"client_id": self._client_id, **values})

    async def take(
        self, session_id: str, *, turn_id: str, expires: datetime, now: datetime
    ) -> LeaseRow | None:
        """Lease the conversation to a turn, raising the fence; None when it is taken, ended or missing."""
        row = (
            await self._connection.execute(
                _TAKE,
                {
                    "client": self._client_id,
                    "session": session_id,
                    "turn": turn_id,
                    "expires": expires,
                    "now": now,
                },
            )
        ).first()
        return LeaseRow(*row) if row else None

    async def state(self, session_id: str) -> StateRow | None:
        statement = select(
            Conversation.id, Conversation.ended_at, Conversation.lease_turn_id, Conversation.lease_expires_at
        ).where(Conversation.client_id == self._client_id, Conversation.session_id == session_id)
        row = (await self._connection.execute(statement)).first()
        return StateRow(*row) if row else None

    async def begin_turn(self, **values: Any) -> None:
        await self._connection.execute(_INSERT_TURN, {"client_id": self._client_id, **values})

    async def add_message(self, **values: Any) -> None:
        await self._connection.execute(_INSERT_MESSAGE, {"client_id": self._client_id, **values})

    async def history(self, conversation_id: str, *, before: int, count: int) -> list[HistoryRow]:
        """The newest `count` messages before number `before`, oldest first."""
        rows = await self._connection.execute(
            _HISTORY,
            {
                "client": self._client_id,
                "conversation": conversation_id,
                "before": before,
                "count": count,
            },
        )
        return [HistoryRow(*row) for row in rows][::-1]

    async def let_go(
        self, conversation_id: str, *, turn_id: str, fence: int, messages: int, tokens: int, now: datetime
    ) -> bool:
        """End the lease and count; False when the fence moved, that is when the turn may write nothing."""
        result = await self._connection.execute(
            _LET_GO,
            {
                "client": self._client_id,
                "conversation": conversation_id,
                "expected_fence": fence,
                "turn": turn_id,
                "messages": messages,
                "tokens": tokens,
                "now": now,
            },
        )
        return result.rowcount == 1

    async def finish(self, turn_id: str, *, status: str, outcome: Mapping[str, Any], now: datetime) -> bool:
        """Give the turn its outcome; False when it has one already."""
        result = await self._connection.execute(
            _FINISH,
            {
                "client": self._client_id,
                "turn": turn_id,
                "new_status": status,
                "new_outcome": outcome,
                "now": now,
            },
        )
        return result.rowcount == 1

    async def add_ledger(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self._connection.execute(
                _INSERT_LEDGER, [{"client_id": self._client_id, **row} for row in rows]
            )

    async def abandon(self, state: StateRow, *, now: datetime) -> None:
        """Fail the turn whose lease ran out and free its conversation, unless someone was quicker."""
        freed = await self._connection.execute(
            update(Conversation)
            .where(
                Conversation.client_id == self._client_id,
                Conversation.id == state.id,
                Conversation.lease_turn_id == state.lease_turn_id,
                Conversation.lease_expires_at < now,
            )
            .values(lease_turn_id=None, lease_expires_at=None, fence=Conversation.fence + 1)
        )
        if freed.rowcount != 1 or state.lease_turn_id is None:
            return
        row = (
            await self._connection.execute(
                select(Turn.period, Turn.reserved).where(
                    Turn.client_id == self._client_id, Turn.id == state.lease_turn_id
                )
            )
        ).one()
        outcome = abandoned_outcome(state.lease_turn_id, now)
        if await self.finish(state.lease_turn_id, status="failed", outcome=outcome, now=now):
            await counter.settle(self._connection, self._client_id, row[0], used={}, released=row[1])


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


async def renew_leases(connection: AsyncConnection, turn_ids: Sequence[str], *, expires: datetime) -> None:
    """Keep conversations leased to running turns. The caller runs these turns, whosever they are."""
    await connection.execute(
        update(Conversation).where(Conversation.lease_turn_id.in_(turn_ids)).values(lease_expires_at=expires)
    )
