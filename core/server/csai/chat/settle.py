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
from csai.chat.repository import TurnRepository, TurnRow
from csai.chat.running import RunningTurn
from csai.database import Database, DatabaseUnavailable
from csai.kit.identifier import new_id
from csai.kit.text import clean
from csai.statement import Rows, Step
from csai.tools.repository import ToolExecutionRepository
from csai.usage import counter

log = structlog.get_logger(__name__)

TRIES = 3
PATIENCE_S = 20.0
MAX_WAIT_S = 2.0
COUNTED = frozenset({"completed", "stopped", "handed_off"})
MICROS = 1_000_000
SESSION = frozenset({"session_id", "session_token"})
NOT_KEPT = "I'm sorry, something went wrong on our side. Please ask again in a moment."


class FencedOut(Exception):
    """The conversation was taken from the turn, or it has its outcome already; rolls back."""


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
                if attempt and (stored := await self._stored(turn)) is not None:
                    turn.is_settled = True
                    return stored
                await self._store(turn, status, outcome, now)
            except FencedOut:
                log.error("turn was fenced out", turn_id=turn.id, client_id=turn.client_id)
                outcome = _outcome(turn, "failed", NOT_KEPT, now)
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
            try:
                if await self._stored(turn) is None:
                    stored = {name: outcome[name] for name in outcome if name not in SESSION}
                    await self._store(turn, "failed", stored, self._clock.now())
            except (DatabaseUnavailable, OSError):
                continue
            except FencedOut:
                log.warning("turn was ended by another process", turn_id=turn.id, client_id=turn.client_id)
            turn.is_settled = True

    async def _stored(self, turn: RunningTurn) -> dict[str, Any] | None:
        """The outcome, where an earlier try was stored after all and only its confirmation was lost."""
        (rows,) = await self._database.fetch(TurnRepository(turn.client_id).by_id(turn.id))
        row = TurnRow(*rows[0])
        return _answer(turn, dict(row.outcome)) if row.outcome is not None else None

    async def _store(self, turn: RunningTurn, status: str, outcome: dict[str, Any], now: datetime) -> None:
        turns = TurnRepository(turn.client_id)
        if turn.is_reserved_unsure:
            ((_period, reserved),) = (await self._database.transact(turns.reserved_finally(turn.id)))[0]
            turn.reserved, turn.is_reserved_unsure = dict(reserved), False
        used = turn.used()
        ending = [
            turns.let_go(
                turn.conversation_id,
                turn_id=turn.id,
                fence=turn.fence,
                messages=2,
                tokens=used["tokens"],
                now=now,
            ),
            turns.finish(turn.id, status=status, outcome=outcome, now=now, **_saved(turn, status)),
            turns.answer(
                id=outcome["message"]["id"],
                conversation_id=turn.conversation_id,
                turn_id=turn.id,
                seq=turn.seq + 1,
                role="assistant",
                author="ai",
                content=outcome["message"]["content"],
                parts=_parts(turn, status),
                tokens_used=sum(call.usage.tokens_output for call in turn.model_calls),
                timestamp=now,
            ),
        ]
        spent = [
            *_ledger(turn, turns),
            *ToolExecutionRepository(turn.client_id).settle_all(turn.ref, turn.executions),
        ]
        counted = (
            {metric: turn.reserved.get(metric, 0) for metric in ("messages", "conversations")}
            if status in COUNTED
            else {}
        )
        try:
            await self._database.transact(
                *ending,
                *spent,
                *counter.settle(turn.client_id, turn.period, used=used | counted, released=turn.reserved),
                check=_check_fence,
            )
        except FencedOut:
            # What was spent is spent, also by a turn that may no longer answer.
            await self._database.transact(
                *spent, *counter.settle(turn.client_id, turn.period, used=used, released={})
            )
            raise


def _check_fence(results: list[Rows]) -> None:
    if not (results[0] and results[1]):
        raise FencedOut


def _answer(turn: RunningTurn, outcome: dict[str, Any]) -> dict[str, Any]:
    return {"session_id": turn.session_id, "session_token": turn.session_token, **outcome}


def _ledger(turn: RunningTurn, turns: TurnRepository) -> list[Step]:
    return [
        turns.book(
            id=new_id(),
            turn_id=turn.id,
            attempt=number,
            provider=call.provider,
            model=call.model[:200],
            tokens_input=call.usage.tokens_input,
            tokens_output=call.usage.tokens_output,
            tokens_cache_read=call.usage.tokens_cache_read,
            tokens_cache_write=call.usage.tokens_cache_write,
            cost_micros=call.cost_micros,
            saved_micros=call.saved_micros,
            price=call.price,
            is_estimated=call.is_estimated,
            period=turn.period,
            day=call.at.date(),
            created_at=call.at,
        )
        for number, call in enumerate(turn.model_calls, 1)
    ]


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


def _parts(turn: RunningTurn, status: str) -> dict[str, Any] | None:
    parts = store_rounds(turn.rounds) if status == "completed" else None
    return {**parts, "final": turn.texts[-1]} if parts else None


def _outcome(turn: RunningTurn, status: str, text: str, now: datetime) -> dict[str, Any]:
    """The answer of the contract, as a secret key sees it, without the session."""
    used = turn.used()
    return {
        "turn_id": turn.id,
        "status": status,
        "message": {
            "id": new_id(),
            "role": "assistant",
            "author": "ai",
            "content": clean(text),
            "created_at": now.isoformat(),
        },
        "tool_calls": [
            {
                "id": item.call_id,
                "name": item.call.name,
                "arguments": dict(item.call.arguments or {}),
                "success": item.is_success,
                "duration_ms": item.duration_ms,
            }
            for item in turn.executions
        ],
        "usage": {
            "tokens_input": sum(call.usage.tokens_input for call in turn.model_calls),
            "tokens_output": sum(call.usage.tokens_output for call in turn.model_calls),
            "cost": used["cost"] / MICROS,
        },
        "citations": _citations(turn, status, text),
    }
