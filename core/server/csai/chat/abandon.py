"""Turns whose process died: each still gets its one outcome, and its conversation goes on."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import structlog
from csai_sdk import Clock

from csai.chat.repository import StateRow, TurnRepository, abandoned_conversations
from csai.database import Database
from csai.kit.identifier import new_id
from csai.statement import Rows
from csai.tools.repository import ToolExecutionRepository
from csai.usage import counter

log = structlog.get_logger(__name__)

INTERRUPTED = "I'm sorry, I was interrupted and could not answer. Please ask again."


class SomeoneElse(Exception):
    """The turn was ended by another process in the meantime; rolls back."""


class Abandonment:
    """Ends turns whose lease ran out."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
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
        found = await abandoned_conversations(self._database, now=self._clock.now())
        for client_id, state in found:
            await self.end(client_id, state)
        return len(found)

    async def end(self, client_id: str, state: StateRow) -> bool:
        """Fail the turn that holds the conversation and free it; False when someone else was quicker.

        A side effect whose intent was written down may have happened: its log says that this is not known.
        """
        turn_id = state.lease_turn_id
        if turn_id is None:
            return False
        turns = TurnRepository(client_id)
        now = self._clock.now()
        ((period, reserved),) = (await self._database.fetch(turns.reserved(turn_id)))[0]
        outcome = _outcome(turn_id, now)
        try:
            await self._database.transact(
                turns.break_lease(state, now=now),
                turns.finish(turn_id, status="failed", outcome=outcome, now=now),
                turns.apologise(
                    state.id, turn=turn_id, message=outcome["message"]["id"], content=INTERRUPTED, now=now
                ),
                ToolExecutionRepository(client_id).lose_sight(turn_id),
                *counter.settle(client_id, period, used={}, released=reserved),
                check=_check_first,
            )
        except SomeoneElse:
            return False
        log.warning("turn abandoned by its process", client_id=client_id, turn_id=turn_id)
        return True


def _check_first(results: list[Rows]) -> None:
    if not (results[0] and results[1]):
        raise SomeoneElse


def _outcome(turn_id: str, now: datetime) -> dict[str, Any]:
    return {
        "turn_id": turn_id,
        "status": "failed",
        "message": {
            "id": new_id(),
            "role": "assistant",
            "author": "ai",
            "content": INTERRUPTED,
            "created_at": now.isoformat(),
        },
        "tool_calls": [],
        "usage": {"tokens_input": 0, "tokens_output": 0, "cost": 0.0},
        "citations": [],
    }
