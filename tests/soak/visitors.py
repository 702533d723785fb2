"""Visitors who ask on whatever happens, and note what they were told."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

GIVE_UP_S = 90.0
PAUSE_S = 0.3
TURNS_PER_CONVERSATION = 4
TAKEOVER_SHARE = 0.15
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


@dataclass
class Takeover:
    """A teammate's time in a conversation: what the AI had said when it began, and when it ended."""

    session_id: str
    said_at_takeover: set[str] = field(default_factory=set)
    """Ids of messages."""
    said_at_end: set[str] = field(default_factory=set)


class Visitors:
    """Conversations without end, until told to stop."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self._urls = urls
        self._seed = seed
        self.asked: list[Asked] = []
        self.takeovers: list[Takeover] = []
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
            if chance.random() < TAKEOVER_SHARE:
                await self._take_over(session, tenant, session_id, chance)

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

    async def _take_over(
        self, session: aiohttp.ClientSession, tenant: Tenant, session_id: str, chance: random.Random
    ) -> None:
        """A teammate takes the conversation while the AI may be answering in it, and gives it back."""
        takeover = Takeover(session_id)

        async def act(path: str, **body: Any) -> bool:
            return await self._act(
                session, tenant, f"chat/{path}", {"session_id": session_id, **body}, chance
            )

        asking = asyncio.create_task(self._ask(session, tenant, session_id, chance))
        await asyncio.sleep(chance.uniform(0, 0.2))
        if await act("state", state="teammate"):
            said = await self._said(session, tenant, session_id, chance)
            await act("reply", message=f"tenant={tenant.name} a teammate", message_id="only")
            await asking
            said_at_end = await self._said(session, tenant, session_id, chance)
            if said is not None and said_at_end is not None:
                takeover.said_at_takeover, takeover.said_at_end = said, said_at_end
                self.takeovers.append(takeover)
            await act("state", state="ai")
        await asking

    async def _act(
        self,
        session: aiohttp.ClientSession,
        tenant: Tenant,
        path: str,
        body: dict[str, Any],
        chance: random.Random,
    ) -> bool:
        """Whether it was done in the end, however often it had to be asked for."""
        give_up = asyncio.get_running_loop().time() + GIVE_UP_S
        while asyncio.get_running_loop().time() < give_up:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.post(
                    f"{chance.choice(self._urls)}/{path}", json=body, headers={"X-API-Key": tenant.key}
                ) as answer:
                    if answer.status == 200:
                        return True
                    if answer.status < 500:
                        return False
            await asyncio.sleep(PAUSE_S)
        return False

    async def _said(
        self, session: aiohttp.ClientSession, tenant: Tenant, session_id: str, chance: random.Random
    ) -> set[str] | None:
        """Ids of what the AI has said in a conversation; None where nobody would tell."""
        give_up = asyncio.get_running_loop().time() + GIVE_UP_S
        while asyncio.get_running_loop().time() < give_up:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(
                    f"{chance.choice(self._urls)}/chat/history/{session_id}",
                    headers={"X-API-Key": tenant.key},
                ) as answer:
                    if answer.status == 200:
                        messages = (await answer.json())["messages"]
                        return {each["id"] for each in messages if each["author"] == "ai"}
            await asyncio.sleep(PAUSE_S)
        return None

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
