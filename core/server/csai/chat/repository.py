"""The turn's statements: replay, accept, settle. All of a turn's writing is in two short transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.chat import statements
from csai.database import Database
from csai.models import Turn
from csai.statement import Prepared, Step


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn as a replay finds it."""

    id: str
    status: str
    body_hash: str
    outcome: Mapping[str, Any] | None
    accepted_at: datetime
    session_id: str

    @property
    def is_forgotten(self) -> bool:
        """Whether it ended so long ago that its outcome is no longer kept."""
        return self.outcome is None and self.status != "running"


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A conversation taken by a turn."""

    conversation_id: str
    fence: int
    seq: int
    visitor_id: str | None
    summary: str | None
    summary_seq: int
    state: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StateRow:
    """Why a conversation could not be taken: who has it, and who answers in it."""

    id: str
    ended_at: datetime | None
    state: str
    fence: int
    lease_turn_id: str | None
    lease_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoldRow:
    """A message that its conversation's summary does not tell of yet, and that summary."""

    seq: int
    turn_id: str
    role: str
    content: str
    timestamp: datetime
    summary: str | None
    summary_seq: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    role: str
    content: str
    parts: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a dead process left in its turn's row. `as_written` tells whether it has been changed since."""

    fence: int
    period: str
    reserved: Mapping[str, int]
    attempts: Mapping[str, Any]
    as_written: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn adds to its conversation's counts. `cost` is in millionths of a US dollar."""

    tokens: int
    cost: int
    tool_calls: int
    failed_tools: int


class TurnRepository:
    """One client's turns and their conversations, as steps for `Database.fetch` and `Database.transact`."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id

    def _step(self, statement: Prepared, **values: Any) -> Step:
        return Step(statement, {"client": self._client_id, **values})

    def by_key(self, key: str) -> Step:
        """A `TurnRow`."""
        return self._step(statements.BY_KEY, key=key)

    def by_id(self, turn_id: str) -> Step:
        """A `TurnRow`."""
        return self._step(statements.BY_ID, turn=turn_id)

    def forget_key(self, turn_id: str) -> Step:
        """Free an idempotency key whose time is over."""
        return self._step(statements.FORGET_KEY, turn=turn_id)

    def state(self, session_id: str) -> Step:
        """A `StateRow`."""
        return self._step(statements.STATE, session=session_id)

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
            "summary": None,
            "summary_seq": 0,
            "summary_since": None,
            "lease_turn_id": turn_id,
            "lease_expires_at": expires,
            "state": "ai",
            "state_since": None,
            "teammate": None,
            "contact_email": None,
            **dict.fromkeys(("tool_call_count", "failed_tool_count", "cost_micros", "thumbs_down_count"), 0),
            "rating": None,
        }
        return Step(statements.BEGIN_CONVERSATION, begun | columns)

    def take(
        self, session_id: str, *, turn_id: str, visitor_id: str | None, expires: datetime, now: datetime
    ) -> Step:
        """Lease the conversation to a turn, raising the fence. It becomes the visitor's where it is nobody's.

        A `LeaseRow`; no row when it is taken, has ended or does not exist.
        """
        return self._step(
            statements.TAKE,
            session=session_id,
            turn=turn_id,
            visitor=visitor_id,
            expires=expires,
            now=now,
        )

    def begin_turn(self, session_id: str, **values: Any) -> Step:
        """Insert the turn that has just taken, or begun, the conversation."""
        return self._step(statements.BEGIN_TURN, session=session_id, **values)

    def ask(self, session_id: str, **values: Any) -> Step:
        """Insert the visitor's message, under the number that taking the conversation set apart."""
        return self._step(statements.ASK, session=session_id, **values)

    def history(self, conversation_id: str, *, after: int, before: int, count: int) -> Step:
        """`HistoryRow`s: the newest `count` messages between these two numbers, newest first."""
        return self._step(
            statements.HISTORY, conversation=conversation_id, after=after, before=before, count=count
        )

    def let_go(
        self, conversation_id: str, *, turn_id: str, fence: int, messages: int, spent: Spent, now: datetime
    ) -> Step:
        """End the lease and count. No row when the fence moved: then the turn may write nothing."""
        return self._step(
            statements.LET_GO,
            conversation=conversation_id,
            expected_fence=fence,
            turn=turn_id,
            messages=messages,
            now=now,
            **asdict(spent),
        )

    def finish(
        self,
        turn_id: str,
        *,
        status: str,
        outcome: Mapping[str, Any],
        now: datetime,
        route: Mapping[str, Any] | None = None,
        saved_tokens: int = 0,
        saved_micros: int = 0,
    ) -> Step:
        """Give the turn its outcome. No row when it has one already."""
        return self._step(
            statements.FINISH,
            turn=turn_id,
            new_status=status,
            new_outcome=outcome,
            nothing={},
            route=route,
            tokens=saved_tokens,
            micros=saved_micros,
            now=now,
        )

    def keep_rounds(self, conversation_id: str, turn_id: str, rounds: Mapping[str, Any]) -> Step:
        """Keep with the question what was done for it, where no answer is to come."""
        return self._step(
            statements.KEEP_ROUNDS, conversation=conversation_id, turn=turn_id, rounds=dict(rounds)
        )

    def answer(self, **columns: Any) -> Step:
        return Step(statements.ANSWER, {"client_id": self._client_id, **columns})

    def book(self, **columns: Any) -> Step:
        """Add a row to the ledger."""
        return Step(statements.BOOK, {"client_id": self._client_id, **columns})

    def booked(self, turn_id: str) -> Step:
        """The turn's rows in the ledger as `BookedRow`s, in order."""
        return self._step(statements.BOOKED, turn=turn_id)

    def to_fold(self, conversation_id: str, *, last: int, count: int) -> Step:
        """`FoldRow`s up to number `last`, newest first."""
        return self._step(statements.TO_FOLD, conversation=conversation_id, last=last, count=count)

    def begin_fold(self, **columns: Any) -> Step:
        """Claim a conversation for a fold. `Conflict` where another has it."""
        return Step(statements.BEGIN_FOLD, {"client_id": self._client_id, **columns})

    def end_fold(self, fold_id: str) -> Step:
        """Give the claim up. No row when it was given up before."""
        return self._step(statements.END_FOLD, fold=fold_id)

    def keep_summary(self, conversation_id: str, **values: Any) -> Step:
        """Store a summary. No row when the messages are gone, or another summary came before."""
        return self._step(statements.KEEP_SUMMARY, conversation=conversation_id, **values)

    def renew(self, conversation_id: str, *, turn_id: str, expires: datetime) -> Step:
        """Keep the conversation leased to a running turn. No row when it has been taken away."""
        return self._step(statements.RENEW, conversation=conversation_id, turn=turn_id, expires=expires)

    def queue_up(self, turn_id: str, session_id: str, *, expires: datetime) -> Step:
        """Let a message wait for the conversation, after those whose turns' ids are older."""
        return self._step(statements.QUEUE_UP, turn=turn_id, session=session_id, expires=expires)

    def keep_place(self, turn_id: str, *, expires: datetime) -> Step:
        """Let a message that waits be waited for. Nothing when its row was removed as a dead process'."""
        return self._step(statements.KEEP_PLACE, turn=turn_id, expires=expires)

    def leave_queue(self, turn_id: str) -> Step:
        return self._step(statements.LEAVE_QUEUE, turn=turn_id)

    def forget_places(self, conversation_id: str, *, now: datetime) -> Step:
        """Remove the rows of messages that waited for the conversation in processes that died."""
        return self._step(statements.FORGET_PLACES, conversation=conversation_id, now=now)

    def request_stop(self, session_id: str) -> Step:
        """Ask whichever process runs the session's turn to stop it."""
        return self._step(statements.REQUEST_STOP, session=session_id)

    def keep_reserved(self, turn_id: str, amounts: Mapping[str, int], note: Mapping[str, Any]) -> Step:
        """Write down what the counters hold for a running turn, and the note of its attempts.

        No row when the turn has its outcome: then it may neither reserve nor go on.
        """
        return self._step(statements.KEEP_RESERVED, turn=turn_id, amounts=amounts, note=note)

    def note_attempts(self, turn_id: str, note: Mapping[str, Any]) -> Step:
        """Write down what a running turn's calls of models have used. No row when it has its outcome."""
        return self._step(statements.NOTE_ATTEMPTS, turn=turn_id, note=note)

    def left_behind(self, turn_id: str) -> Step:
        """A `LeftBehind`: what a turn's row says for whoever finds it abandoned."""
        return self._step(statements.LEFT_BEHIND, turn=turn_id)

    def finish_left_behind(
        self, turn_id: str, *, as_written: str, status: str, outcome: Mapping[str, Any], now: datetime
    ) -> Step:
        """Give an abandoned turn its outcome. No row when it has one, or wrote since it was looked at."""
        return self._step(
            statements.FINISH_LEFT_BEHIND,
            turn=turn_id,
            as_written=as_written,
            new_status=status,
            new_outcome=outcome,
            nothing={},
            now=now,
        )

    def reserved_finally(self, turn_id: str) -> Step:
        """The same for its own process, once a transaction whose end nobody heard of is over."""
        return self._step(statements.RESERVED_FINALLY, turn=turn_id)

    def apologise(self, conversation_id: str, **values: Any) -> Step:
        """Answer an abandoned turn's message, under the number set apart for its answer."""
        return self._step(statements.APOLOGISE, conversation=conversation_id, **values)

    def break_lease(self, state: StateRow, *, messages: int, spent: Spent, now: datetime) -> Step:
        """Free a conversation whose lease ran out, and count. No row when someone was quicker."""
        return self._step(
            statements.BREAK,
            conversation=state.id,
            expected_fence=state.fence,
            turn=state.lease_turn_id,
            messages=messages,
            now=now,
            **asdict(spent),
        )


@dataclass(frozen=True, slots=True)
class DeadWork:
    """What processes that died left, of any client: each with its client's id."""

    conversations: Sequence[tuple[str, StateRow]]
    """Whose turn let its lease run out."""
    waited_for: Sequence[tuple[str, str]]
    """Ids of conversations that messages waited for."""


async def dead_work(database: Database, *, now: datetime) -> DeadWork:
    """The oldest of it first, in one round trip."""
    leases, places = await database.fetch(
        Step(statements.ABANDONED, {"now": now}), Step(statements.PLACES_OF_THE_DEAD, {"now": now})
    )
    return DeadWork(
        [(row[0], StateRow(*row[1:])) for row in leases],
        [(client_id, conversation_id) for client_id, conversation_id in places],
    )


@dataclass(frozen=True, slots=True)
class ExpiredFold:
    """A fold whose process died."""

    client_id: str
    id: str
    period: str
    reserved: Mapping[str, int]
    provider: str
    model: str
    bytes_input: int


async def expired_folds(database: Database, *, now: datetime) -> list[ExpiredFold]:
    """Those of any client."""
    (rows,) = await database.fetch(Step(statements.EXPIRED_FOLDS, {"now": now}))
    return [ExpiredFold(*row) for row in rows]


async def stop_requests(connection: AsyncConnection, turn_ids: Sequence[str]) -> list[str]:
    """Which of the caller's running turns somebody asked to stop."""
    statement = select(Turn.id).where(Turn.id.in_(turn_ids), Turn.is_stop_requested)
    return list((await connection.execute(statement)).scalars())
