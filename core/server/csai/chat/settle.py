"""The end of a turn: its one outcome, in one short transaction."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import Clock

from csai.chat.citation import cite
from csai.chat.prompt import store_rounds
from csai.chat.repository import Spent, StateRow, TurnRepository, TurnRow
from csai.chat.route import stored
from csai.chat.running import FencedOut, RunningTurn
from csai.chat.spending import BookedRow, beyond, booking
from csai.database import Conflict, Database, DatabaseUnavailable
from csai.kit.identifier import new_id
from csai.kit.text import clean
from csai.statement import Rows, Step
from csai.tools.execution_repository import IntendedRow, ToolExecutionRepository
from csai.tools.runner import waiting_confirmation
from csai.usage import counter

log = structlog.get_logger(__name__)

TRIES = 3
PATIENCE_S = 20.0
MAX_WAIT_S = 2.0
COUNTED = frozenset({"completed", "stopped", "handed_off"})
COUNTED_ONCE = ("messages", "conversations")
MICROS = 1_000_000
SESSION = frozenset({"session_id", "session_token"})
SAID_NOTHING = "(stopped)"
HANDED_OVER = "(handed over to a teammate)"
NOT_KEPT = "I'm sorry, something went wrong on our side. Please ask again in a moment."


class HandedOver(Exception):
    """The conversation's state changed while the turn ran: it ends without a word of the AI."""


class Settlement:
    """Stores outcomes."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def settle(self, turn: RunningTurn, status: str, text: str) -> dict[str, Any]:
        """Store the outcome and return the answer for the visitor.

        A database that fails is tried again; when it keeps failing the turn is answered as failed and stays
        `running` until `catch_up` has stored that, or until its lease runs out and somebody finds it.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_S
        failures = 0
        for attempt in itertools.count():
            now = self._clock.now()
            outcome = _outcome(turn, status, text, now)
            try:
                stored = await self._stored(turn) if attempt else None
                if stored is None:
                    await self._store(turn, status, outcome, now)
                elif stored["message"]["id"] in turn.written:
                    outcome = stored
                else:
                    outcome = await self._give_way(turn, now)
            except HandedOver:
                status, text = "handed_off", ""
                continue
            except FencedOut:
                outcome = await self._give_way(turn, now)
            except (DatabaseUnavailable, OSError):
                log.exception("turn not settled", turn_id=turn.id, client_id=turn.client_id, attempt=attempt)
                if loop.time() > give_up:
                    break
                await asyncio.sleep(min(MAX_WAIT_S, 0.2 * 2**attempt))
                continue
            except Exception:
                # Something in it cannot be stored. Whoever waits must still hear of an end: leave out what
                # was said and done, keep what was spent.
                log.exception("turn cannot be stored", turn_id=turn.id, client_id=turn.client_id)
                status, text = "failed", NOT_KEPT
                turn.rounds, turn.executions = [], []
                failures += 1
                if failures == TRIES:
                    break
                continue
            turn.is_settled = True
            return _answer(turn, outcome)
        return _answer(turn, _outcome(turn, "failed", NOT_KEPT, self._clock.now()))

    async def catch_up(self, turn: RunningTurn, outcome: dict[str, Any]) -> None:
        """Store what the visitor was told, and what was spent, as soon as the database is there again."""
        while not turn.is_settled:
            await asyncio.sleep(MAX_WAIT_S)
            now = self._clock.now()
            try:
                stored = await self._stored(turn)
                if stored is None:
                    told = {name: outcome[name] for name in outcome if name not in SESSION}
                    await self._store(turn, "failed", told, now)
                elif stored["message"]["id"] not in turn.written:
                    await self._give_way(turn, now)
            except (DatabaseUnavailable, OSError, HandedOver):
                continue
            except FencedOut:
                await self._give_way(turn, now)
            turn.is_settled = True

    async def _stored(self, turn: RunningTurn) -> dict[str, Any] | None:
        """The outcome that is stored: an earlier try's whose confirmation was lost, or somebody else's."""
        (rows,) = await self._database.fetch(TurnRepository(turn.client_id).by_id(turn.id))
        row = TurnRow(*rows[0])
        return dict(row.outcome) if row.outcome is not None else None

    async def _give_way(self, turn: RunningTurn, now: datetime) -> dict[str, Any]:
        """The outcome that somebody else gave the turn; this process writes nothing but what it spent."""
        log.error("turn was fenced out", turn_id=turn.id, client_id=turn.client_id)
        try:
            await self._book_the_rest(turn)
            stored = await self._stored(turn)
        except (DatabaseUnavailable, OSError):
            log.exception("fenced turn not booked", turn_id=turn.id, client_id=turn.client_id)
            stored = None
        return stored or _outcome(turn, "failed", NOT_KEPT, now)

    async def _book_the_rest(self, turn: RunningTurn) -> None:
        """Book what the turn spent beyond what is booked already, taking back what was only estimated."""
        turns, log_rows = TurnRepository(turn.client_id), ToolExecutionRepository(turn.client_id)
        booked, intended = await self._database.fetch(turns.booked(turn.id), log_rows.intended(turn.id))
        missing, spent = beyond(turn.model_calls, [BookedRow(*row) for row in booked])
        open_ids = {IntendedRow(*row).call_id for row in intended}
        # Whoever ended the turn has counted the calls that it found intended and closed their rows.
        ours = [
            execution
            for execution in turn.executions
            if execution.has_run and (not execution.has_intent or execution.call_id in open_ids)
        ]
        spent["tool_calls"] = len(ours)
        await self._database.transact(
            *booking(turns, turn.id, turn.period, missing, first=len(booked) + 1),
            *log_rows.settle_all(turn.ref, ours),
            *counter.correct(turn.client_id, turn.period, spent),
        )

    async def _store(self, turn: RunningTurn, status: str, outcome: dict[str, Any], now: datetime) -> None:
        """Raises `FencedOut`, or `HandedOver` where the turn still has the conversation, but not the AI."""
        try:
            await self._write(turn, status, outcome, now)
        except FencedOut:
            (rows,) = await self._database.fetch(TurnRepository(turn.client_id).state(turn.session_id))
            state = StateRow(*rows[0])
            if state.lease_turn_id != turn.id:
                raise
            turn.fence = state.fence
            # Where it has been given back to the AI meanwhile, somebody had it all the same.
            handed_to = state.state if state.state != "ai" else "teammate"
            turn.handed_to = "closed" if state.ended_at is not None else handed_to
            raise HandedOver from None

    async def _write(self, turn: RunningTurn, status: str, outcome: dict[str, Any], now: datetime) -> None:
        turns = TurnRepository(turn.client_id)
        if turn.is_reserved_unsure:
            ((_period, reserved),) = (await self._database.transact(turns.reserved_finally(turn.id)))[0]
            turn.reserved, turn.is_reserved_unsure = dict(reserved), False
        turn.written.add(outcome["message"]["id"])
        used = turn.used()
        ending = [
            turns.let_go(
                turn.conversation_id,
                turn_id=turn.id,
                fence=turn.fence,
                messages=1 if turn.handed_to else 2,
                spent=Spent(**used, failed_tools=_failed(turn)),
                now=now,
            ),
            turns.finish(
                turn.id, status=status, outcome=outcome, now=now, route=stored(turn), **_saved(turn, status)
            ),
            *_said(turns, turn, status, outcome["message"], now),
        ]
        counted = (
            {metric: turn.reserved.get(metric, 0) for metric in COUNTED_ONCE} if status in COUNTED else {}
        )
        try:
            await self._database.transact(
                *ending,
                *booking(turns, turn.id, turn.period, turn.model_calls),
                *ToolExecutionRepository(turn.client_id).settle_all(turn.ref, turn.executions),
                *counter.settle(turn.client_id, turn.period, used=used | counted, released=turn.reserved),
                check=_check_fence,
            )
        except Conflict:
            # All statements are sent before any is answered: where the turn was ended by somebody else, the
            # place of its answer is taken, which may be heard of first.
            if await self._stored(turn) is None:
                raise
            raise FencedOut from None


def _said(
    turns: TurnRepository, turn: RunningTurn, status: str, message: dict[str, Any], now: datetime
) -> list[Step]:
    """The answer, with what was done for it. Where a teammate answers, only what was done."""
    parts = parts_of(turn, status, message["content"])
    if turn.handed_to:
        return [turns.keep_rounds(turn.conversation_id, turn.id, parts)] if parts else []
    answer = turns.answer(
        id=message["id"],
        conversation_id=turn.conversation_id,
        turn_id=turn.id,
        seq=turn.seq + 1,
        role="assistant",
        author="ai",
        content=message["content"],
        parts=parts,
        tokens_used=sum(call.usage.tokens_output for call in turn.model_calls),
        timestamp=now,
    )
    return [answer]


def _failed(turn: RunningTurn) -> int:
    return sum(execution.status in {"failed", "unknown"} for execution in turn.executions)


def _check_fence(results: list[Rows]) -> None:
    if not (results[0] and results[1]):
        raise FencedOut


def _answer(turn: RunningTurn, outcome: dict[str, Any]) -> dict[str, Any]:
    return {"session_id": turn.session_id, "session_token": turn.session_token, **outcome}


def _saved(turn: RunningTurn, status: str) -> dict[str, int]:
    if turn.cached is None or status != "completed":
        return {}
    return {"saved_tokens": turn.cached.tokens, "saved_micros": turn.cached.cost_micros}


def _citations(turn: RunningTurn, status: str, text: str) -> list[Any]:
    if status != "completed":
        return []
    if turn.cached is not None:
        return list(turn.cached.citations)
    return cite(text, question=turn.question, passages=turn.passages)


def parts_of(turn: RunningTurn, status: str, content: str) -> dict[str, Any] | None:
    """The rounds with tools, also of a turn that failed: the next one's model must know what was done."""
    parts = store_rounds(turn.rounds)
    if parts is None:
        return None
    if turn.handed_to:
        return {**parts, "final": HANDED_OVER}
    return {**parts, "final": turn.texts[-1] if status == "completed" else content or SAID_NOTHING}


def message_of(status: str, text: str, now: datetime) -> dict[str, Any]:
    """The answer's message. Where a teammate answers it says nothing, and is nobody's."""
    role, author = ("system", "system") if status == "handed_off" else ("assistant", "ai")
    return {
        "id": new_id(),
        "role": role,
        "author": author,
        "content": clean(text),
        "created_at": now.isoformat(),
    }


def _outcome(turn: RunningTurn, status: str, text: str, now: datetime) -> dict[str, Any]:
    """The answer of the contract, as a secret key sees it, without the session."""
    used = turn.used()
    return {
        "turn_id": turn.id,
        "status": status,
        "message": message_of(status, text, now),
        "tool_calls": [
            {
                "id": item.call_id,
                "name": item.call.name,
                "arguments": dict(item.call.arguments or {}),
                "success": item.is_success,
                "duration_ms": item.duration_ms,
            }
            for item in turn.executions
            if item.status != "waiting"
        ],
        "confirmations": [
            waiting_confirmation(turn.view, item)
            for item in turn.executions
            if item.status == "waiting" and status != "handed_off"
        ],
        "usage": {
            "tokens_input": sum(call.usage.tokens_input for call in turn.model_calls),
            "tokens_output": sum(call.usage.tokens_output for call in turn.model_calls),
            "cost": used["cost"] / MICROS,
        },
        "citations": _citations(turn, status, text),
    }
