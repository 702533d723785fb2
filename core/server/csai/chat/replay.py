"""Answering again what was answered before: a repeat with the same idempotency key costs nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

from csai_sdk import Clock

from csai.chat.repository import StateRow, TurnRepository, TurnRow
from csai.chat.schemas import ChatMessage
from csai.chat.stream import TurnStream
from csai.chat.trial import Trial
from csai.clients.access import Access
from csai.database import Database
from csai.kit.crypto import Keyring
from csai.kit.identifier import is_id
from csai.kit.problem import Problem
from csai.statement import Rows
from csai.tools.confirmation import Decision

KEY_LIFETIME = timedelta(hours=24)
REPLAY_WAIT_S = 30.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the chat, authenticated and read."""

    access: Access
    message: ChatMessage
    key: str | None
    """Idempotency key."""
    visitor: str | None
    """The host page's verified id of the visitor."""
    address: str
    """The network address it came from."""
    decision: Decision | None = None
    """The visitor's word on a write action that waits for it; `message` then says it in words."""
    channel: str = ""
    """Where it came in, where that is neither the widget nor the client's own server."""
    trial: Trial | None = None
    """Set where an admin tests the client's assistant."""

    @property
    def body_hash(self) -> str:
        """Equal for a repeat of the same request."""
        if self.decision is not None:
            return hashlib.sha256(self.decision.word.encode()).hexdigest()
        if self.channel:
            # The key is that of a stored message. Its session is found anew at every try.
            return hashlib.sha256(f"{self.channel}:{self.key}".encode()).hexdigest()
        asked = self.message.fingerprint()
        if self.visitor is None:
            return asked
        # The same words from another person are another request; the same person's renewed token is not.
        return hashlib.sha256(f"{asked}:{self.visitor}".encode()).hexdigest()


class Replays:
    """Finds turns that were begun before."""

    def __init__(self, *, database: Database, clock: Clock, keyring: Keyring) -> None:
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._asking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def find(self, client_id: str, turn_id: str) -> TurnRow | None:
        """A turn of the client; None also for an id that is none."""
        if not is_id(turn_id):
            return None
        return _first(await self._database.fetch(TurnRepository(client_id).by_id(turn_id)))

    async def running_turn(self, client_id: str, session_id: str) -> str | None:
        """The turn that holds the session's conversation, in whichever process."""
        (rows,) = await self._database.fetch(TurnRepository(client_id).state(session_id))
        return StateRow(*rows[0]).lease_turn_id if rows else None

    async def replay(self, asked: Asked, live: Mapping[str, TurnStream]) -> TurnStream | None:
        """The turn that this very request began before; None when it is new.

        Comes before rate limits: a repeat costs nothing. Raises 422 when the key came with another body,
        409 when the turn runs elsewhere and does not end in time.
        """
        row = await self.find_original(asked)
        if row is None:
            return None
        turns = TurnRepository(asked.access.client_id)
        if self._clock.now() - row.accepted_at > KEY_LIFETIME:
            await self._database.transact(turns.forget_key(row.id))
            return None
        if row.body_hash != asked.body_hash:
            if asked.decision is not None:
                raise decided()
            raise Problem(
                422,
                "idempotency_key_reused",
                "This idempotency key came with another request before. Use a new key for a new message.",
            )
        if row.id in live:
            return live[row.id]
        return await self._wait_elsewhere(asked.access.client_id, row)

    async def find_original(self, asked: Asked) -> TurnRow | None:
        """The turn that came with the same idempotency key."""
        if asked.key is None:
            return None
        turns = TurnRepository(asked.access.client_id)
        return _first(await self._database.fetch(turns.by_key(asked.key)))

    @asynccontextmanager
    async def alone(self, asked: Asked) -> AsyncIterator[bool]:
        """Keep repeats out until their original is accepted, so that they cost nothing; whether it waited.

        Raises 409 when the original waits for its conversation for long.
        """
        if asked.key is None:
            yield False
            return
        name = asked.access.client_id, asked.key
        # It lives as long as somebody is inside or waits.
        lock = self._asking.get(name)
        has_waited = lock is not None
        if lock is None:
            lock = self._asking[name] = asyncio.Lock()
        try:
            async with asyncio.timeout(REPLAY_WAIT_S):
                await lock.acquire()
        except TimeoutError:
            raise in_flight() from None
        try:
            yield has_waited
        finally:
            lock.release()

    def answer(self, session_id: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """The stored outcome with the session's token, which is stored nowhere."""
        return {
            "session_id": session_id,
            "session_token": self._keyring.session_token(session_id),
            **outcome,
        }

    async def _wait_elsewhere(self, client_id: str, row: TurnRow) -> TurnStream:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + REPLAY_WAIT_S
        found: TurnRow | None = row
        while found is not None and found.outcome is None and loop.time() < give_up:
            await asyncio.sleep(POLL_S)
            found = await self.find(client_id, row.id)
        if found is None or found.outcome is None:
            raise in_flight()
        stream = TurnStream(found.id)
        stream.finish(self.answer(found.session_id, found.outcome))
        return stream


def check_first_key(message: ChatMessage, key: str | None) -> None:
    """A first turn's key opens the conversation to whoever repeats it, so it must be hard to guess."""
    if message.session_id is None and key is not None and not is_id(key.lower()):
        raise Problem(
            422,
            "idempotency_key_not_uuid",
            "In a conversation's first message the idempotency key must be a UUID.",
        )


def decided() -> Problem:
    return Problem(
        409,
        "confirmation_decided",
        "The visitor has decided this already. To do it anew, ask for it in a message.",
    )


def in_flight() -> Problem:
    return Problem(
        409,
        "turn_in_flight",
        "The same message is still being answered. Repeat the request a little later.",
        headers={"Retry-After": "5"},
    )


def _first(results: list[Rows]) -> TurnRow | None:
    return TurnRow(*results[0][0]) if results[0] else None
