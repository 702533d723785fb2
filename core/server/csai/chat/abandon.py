"""Turns whose process died: each still gets its one outcome, and its conversation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import AssistantMessage, Clock, ToolCall, ToolMessage, ToolResult

from csai.chat.prompt import store_rounds
from csai.chat.repository import LeftBehind, Spent, StateRow, TurnRepository, dead_work
from csai.chat.settle import COUNTED_ONCE, HANDED_OVER, message_of
from csai.chat.spending import ModelCall, booking, recovered
from csai.database import Conflict, Database
from csai.plugins.registry import PluginRegistry
from csai.providers.repository import PriceRepository
from csai.statement import Rows
from csai.tools.execution import UNKNOWN_OUTCOME, vendor_id
from csai.tools.execution_repository import IntendedRow, ToolExecutionRepository
from csai.usage import counter
from csai.usage.price_list import PriceList
from csai.usage.prices import MICROS_PER_USD, Overrides

log = structlog.get_logger(__name__)

INTERRUPTED = "I'm sorry, I was interrupted and could not answer. Please ask again."


class SomeoneElse(Exception):
    """The turn was ended by another process in the meantime; rolls back."""


class Abandonment:
    """Ends turns whose lease ran out."""

    def __init__(
        self, *, database: Database, registry: PluginRegistry, overrides: Overrides, clock: Clock
    ) -> None:
        self._database = database
        self._registry = registry
        self._overrides = overrides
        self._clock = clock

    async def watch(self, every_s: float) -> None:
        """Look for them now and ever after; what fails is tried again the next time."""
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("abandoned turns not looked for")
            await asyncio.sleep(every_s)

    async def sweep(self) -> int:
        """End all that are abandoned now, whosever they are; how many there were."""
        now = self._clock.now()
        dead = await dead_work(self._database, now=now)
        for client_id, state in dead.conversations:
            try:
                await self.end(client_id, state)
            except Exception:
                # One that cannot be ended must not keep the others waiting.
                log.exception("abandoned turn not ended", client_id=client_id, turn_id=state.lease_turn_id)
        for client_id, conversation_id in dead.waited_for:
            # Nobody waits for these rows any more; this only tidies up.
            await self._database.transact(TurnRepository(client_id).forget_places(conversation_id, now=now))
        return len(dead.conversations)

    async def end(self, client_id: str, state: StateRow) -> bool:
        """Fail the turn that holds the conversation and free it; False when someone else was quicker.

        What its model calls used is booked: reports that it noted, an estimate for what was under way. A side
        effect whose intent was written down may have happened: its log says that this is not known, and so
        does what the next turn's model is told.
        """
        turn_id = state.lease_turn_id
        if turn_id is None:
            return False
        turns, executions = TurnRepository(client_id), ToolExecutionRepository(client_id)
        now = self._clock.now()
        found, rows = await self._database.fetch(turns.left_behind(turn_id), executions.intended(turn_id))
        left = LeftBehind(*found[0])
        intended = [IntendedRow(*row) for row in rows]
        calls = recovered(
            left.attempts, providers=self._registry.providers, prices=await self._prices(), now=now
        )
        # A fence that moved under the lease: somebody had it, also where the AI has it back by now.
        is_with_ai = state.state == "ai" and state.fence == left.fence
        status = "failed" if is_with_ai else "handed_off"
        outcome = _outcome(turn_id, status, calls, intended, now)
        used = {
            "tokens": sum(call.usage.tokens_input + call.usage.tokens_output for call in calls),
            "cost": sum(call.cost_micros for call in calls),
            "tool_calls": len(intended),
        }
        spent = Spent(**used, failed_tools=len(intended))
        parts = _parts(intended, INTERRUPTED if status == "failed" else HANDED_OVER)
        if status == "failed":
            messages, said = 2, [turns.apologise(state.id, **_apology(turn_id, outcome, parts, now))]
        else:
            messages, said = 1, [turns.keep_rounds(state.id, turn_id, parts)] if parts else []
            used |= {metric: left.reserved.get(metric, 0) for metric in COUNTED_ONCE}
        try:
            await self._database.transact(
                turns.break_lease(state, messages=messages, spent=spent, now=now),
                turns.finish_left_behind(
                    turn_id, as_written=left.as_written, status=status, outcome=outcome, now=now
                ),
                *said,
                executions.lose_sight(turn_id),
                *booking(turns, turn_id, left.period, calls),
                *counter.settle(client_id, left.period, used=used, released=left.reserved),
                check=_check_first,
            )
        except (SomeoneElse, Conflict):
            return False
        log.warning("turn abandoned by its process", client_id=client_id, turn_id=turn_id)
        return True

    async def _prices(self) -> PriceList:
        async with self._database.read() as connection:
            return await PriceRepository(connection).price_list(self._overrides)


def _check_first(results: list[Rows]) -> None:
    if not (results[0] and results[1]):
        raise SomeoneElse


def _apology(
    turn_id: str, outcome: dict[str, Any], parts: dict[str, Any] | None, now: datetime
) -> dict[str, Any]:
    return {
        "turn": turn_id,
        "message": outcome["message"]["id"],
        "content": INTERRUPTED,
        "parts": parts,
        "tokens_used": outcome["usage"]["tokens_output"],
        "now": now,
    }


def _parts(intended: Sequence[IntendedRow], final: str) -> dict[str, Any] | None:
    """The calls whose outcome nobody knows, as the next turn's model is told of them."""
    calls = [ToolCall(vendor_id(row.call_id), row.tool_name, row.parameters) for row in intended]
    results = tuple(ToolResult(call.id, call.name, UNKNOWN_OUTCOME, is_error=True) for call in calls)
    parts = store_rounds([AssistantMessage("", tuple(calls)), ToolMessage(results)]) if calls else None
    return {**parts, "final": final} if parts else None


def _outcome(
    turn_id: str, status: str, calls: Sequence[ModelCall], intended: Sequence[IntendedRow], now: datetime
) -> dict[str, Any]:
    return {
        "turn_id": turn_id,
        "status": status,
        "message": message_of(status, INTERRUPTED if status == "failed" else "", now),
        "tool_calls": [
            {
                "id": row.call_id,
                "name": row.tool_name,
                "arguments": dict(row.parameters),
                "success": False,
                "duration_ms": 0,
            }
            for row in intended
        ],
        "confirmations": [],
        "usage": {
            "tokens_input": sum(call.usage.tokens_input for call in calls),
            "tokens_output": sum(call.usage.tokens_output for call in calls),
            "cost": sum(call.cost_micros for call in calls) / MICROS_PER_USD,
        },
        "citations": [],
    }
