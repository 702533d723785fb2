"""Visitors who ask on whatever happens, and note what they were told."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

GIVE_UP_S = 90.0
PAUSE_S = 0.3
TURNS_PER_CONVERSATION = 4
FINAL = frozenset({"limit_reached", "conversation_ended"})
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Tenant:
    """A client of the soak. `name` stands in every word of its visitors."""

    name: str
    id: str
    key: str


@dataclass
class Asked:
    """One message and all that its visitor heard of it."""

    tenant: Tenant
    number: int
    key: str
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Answers that no visitor should ever get."""
    has_given_up: bool = False


class Visitors:
    """Conversations without end, until told to stop."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self._urls = urls
        self._seed = seed
        self.asked: list[Asked] = []
        self.is_over = False

    async def visit(self, session: aiohttp.ClientSession, tenant: Tenant, number: int) -> None:
        """One visitor, conversation after conversation."""
        chance = random.Random(f"{self._seed}.{tenant.name}.{number}")
        while not self.is_over:
            await self._converse(session, tenant, chance)

    async def _converse(self, session: aiohttp.ClientSession, tenant: Tenant, chance: random.Random) -> None:
        session_id: str | None = None
        for _ in range(TURNS_PER_CONVERSATION):
            asked = await self._ask(session, tenant, session_id, chance)
            if not asked.outcomes:
                return
            session_id = asked.outcomes[-1]["session_id"]

    async def _ask(
        self, session: aiohttp.ClientSession, tenant: Tenant, session_id: str | None, chance: random.Random
    ) -> Asked:
        asked = Asked(tenant, next(_numbers), str(uuid.uuid4()))
        self.asked.append(asked)
        wish = f" slot={tenant.name}-{asked.number}" if chance.random() < 0.4 else ""
        body: dict[str, Any] = {"message": f"number={asked.number} tenant={tenant.name}{wish}"}
        if session_id is not None:
            body["session_id"] = session_id
        loop = asyncio.get_running_loop()
        give_up = loop.time() + GIVE_UP_S
        # Now and then a visitor asks again though the answer came: it must be the same one.
        repeats = 2 if chance.random() < 0.2 else 1
        while repeats and loop.time() < give_up:
            if await self._try(session, asked, body, chance):
                repeats -= 1
            else:
                await asyncio.sleep(PAUSE_S)
            if asked.refusals and asked.refusals[-1] in FINAL:
                await asyncio.sleep(PAUSE_S)
                return asked
        asked.has_given_up = not asked.outcomes
        return asked

    async def _try(
        self, session: aiohttp.ClientSession, asked: Asked, body: dict[str, Any], chance: random.Random
    ) -> bool:
        """One request; whether an outcome came of it."""
        is_stream = chance.random() < 0.5
        headers = {
            "X-API-Key": asked.tenant.key,
            "Idempotency-Key": asked.key,
            "Accept": "text/event-stream" if is_stream else "application/json",
        }
        try:
            async with session.post(
                f"{chance.choice(self._urls)}/chat/message", json=body, headers=headers
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        if answer.status != 200:
            self._note_refusal(asked, answer.status, text)
            return False
        outcome = _last_event(text) if is_stream else json.loads(text)
        if outcome is None:
            return False
        asked.outcomes.append(outcome)
        return True

    def _note_refusal(self, asked: Asked, status: int, text: str) -> None:
        try:
            code = json.loads(text)["code"]
        except (ValueError, KeyError):
            asked.faults.append(f"{status} without a code: {text[:80]}")
            return
        asked.refusals.append(code)
        if status not in {409, 429, 503}:
            asked.faults.append(f"{status} {code}")


def _last_event(text: str) -> dict[str, Any] | None:
    """The terminal event's data; None where the stream broke off before it."""
    for block in reversed(text.split("\n\n")):
        if "event: turn.completed" in block or "event: turn.failed" in block:
            found: dict[str, Any] = json.loads(block.split("data: ", 1)[1])
            return found
    return None
