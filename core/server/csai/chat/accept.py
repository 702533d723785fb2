"""Before a turn runs: replay what was asked before, or accept it in one short transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from csai_sdk import Clock
from csai_sdk.event import LimitReached
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.chat.repository import LeaseRow, StateRow, TurnRepository, TurnRow
from csai.chat.running import RunningTurn
from csai.chat.schemas import ChatMessage
from csai.chat.stream import TurnStream
from csai.clients.access import Access
from csai.clients.rate_limit import RateLimiter
from csai.config import Settings
from csai.conversations.visitor import VisitorRepository
from csai.database import Database
from csai.kit.crypto import Keyring
from csai.kit.identifier import is_id, new_id
from csai.kit.problem import Problem, not_found
from csai.plugins.view import ClientViews
from csai.usage import counter

log = structlog.get_logger(__name__)

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


class ConversationTaken(Exception):
    """Another turn holds the conversation; rolls the transaction back."""


class Acceptance:
    """Replays and accepts."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        keyring: Keyring,
        views: ClientViews,
        limiter: RateLimiter,
    ) -> None:
        self.views = views
        self._settings = settings
        self._database = database
        self._clock = clock
        self._keyring = keyring
        self._limiter = limiter
        self._order: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._held: dict[str, asyncio.Lock] = {}

    async def replay(self, asked: Asked, live: Mapping[str, TurnStream]) -> TurnStream | None:
        """The turn that this very request began before; None when it is new.

        Comes before rate limits: a repeat costs nothing. Raises 422 when the key came with another body,
        409 when the turn runs elsewhere and does not end in time.
        """
        if asked.key is None:
            return None
        async with self._database.read() as connection:
            row = await TurnRepository(connection, asked.access.client_id).by_key(asked.key)
        if row is None:
            return None
        if self._clock.now() - row.accepted_at > KEY_LIFETIME:
            async with self._database.write() as transaction:
                await TurnRepository(transaction, asked.access.client_id).forget_key(row.id)
            return None
        if row.body_hash != asked.message.fingerprint():
            raise Problem(
                422,
                "idempotency_key_reused",
                "This idempotency key came with another request before. Use a new key for a new message.",
            )
        if row.id in live:
            return live[row.id]
        return await self._wait_elsewhere(asked.access.client_id, row)

    async def accept(self, asked: Asked, live: Mapping[str, TurnStream]) -> RunningTurn | TurnStream:
        """Take the conversation, store the message, reserve: all or nothing.

        Messages of one conversation are taken in the order they came. A repeat that raced its original
        gives the original's stream.
        """
        access, message = asked.access, asked.message
        await self._limiter.check(access.client_id, message.session_id or f"address:{asked.address}")
        turn_id = new_id()
        if message.session_id is not None:
            await self._wait_in_order(turn_id, (access.client_id, message.session_id))
        self.views.hold(access.view)
        try:
            turn = await self._accept(asked, turn_id)
        except BaseException as error:
            self._free(turn_id)
            await self.views.release(access.view)
            if isinstance(error, IntegrityError) and asked.key is not None:
                replayed = await self.replay(asked, live)
                if replayed is not None:
                    return replayed
            if isinstance(error, counter.LimitReached):
                raise await self._limit_problem(access, error) from error
            raise
        return turn

    def free(self, turn: RunningTurn) -> None:
        """Let the next message of the conversation come."""
        self._free(turn.id)

    async def _accept(self, asked: Asked, turn_id: str) -> RunningTurn:
        access, message = asked.access, asked.message
        give_up = asyncio.get_running_loop().time() + self._settings.turn_deadline_s
        while True:
            now = self._clock.now()
            period = counter.period_of(now, access.view.client.timezone)
            is_new = message.session_id is None
            session_id = message.session_id or str(uuid.uuid4())
            amounts = {"messages": 1, "conversations": int(is_new)}
            try:
                async with self._database.write() as transaction:
                    lease = await self._lease(transaction, asked, session_id, turn_id, now)
                    await self._store(transaction, asked, turn_id, lease, period, amounts, now)
            except ConversationTaken:
                await self._when_free(access.client_id, session_id, give_up)
                continue
            return RunningTurn(
                id=turn_id,
                client_id=access.client_id,
                view=access.view,
                session_id=session_id,
                session_token=self._keyring.session_token(session_id),
                conversation_id=lease.conversation_id,
                fence=lease.fence,
                seq=lease.seq,
                period=period,
                question=message.message,
                visitor_id=asked.visitor,
                accepted_at=now,
                deadline=asyncio.get_running_loop().time() + self._settings.turn_deadline_s,
                stream=TurnStream(turn_id),
                reserved={metric: amount for metric, amount in amounts.items() if amount},
            )

    async def _lease(
        self, transaction: AsyncConnection, asked: Asked, session_id: str, turn_id: str, now: datetime
    ) -> LeaseRow:
        client_id, message = asked.access.client_id, asked.message
        repository = TurnRepository(transaction, client_id)
        expires = now + timedelta(seconds=self._settings.lease_s)
        visitor_id = None
        if asked.visitor is not None:
            visitor_id = await VisitorRepository(transaction, client_id).ensure(asked.visitor, now=now)
        if message.session_id is not None:
            lease = await repository.take(session_id, turn_id=turn_id, expires=expires, now=now)
            if lease is None:
                raise ConversationTaken
            if visitor_id is not None and lease.visitor_id not in {None, visitor_id}:
                raise Problem(
                    403,
                    "visitor_mismatch",
                    "This conversation belongs to another visitor. Begin a new one without session_id.",
                )
            return lease
        lease = LeaseRow(new_id(), fence=1, seq=1, visitor_id=visitor_id)
        await repository.begin_conversation(
            id=lease.conversation_id,
            session_id=session_id,
            visitor_id=visitor_id,
            user_identifier=message.user_identifier,
            channel="widget" if asked.access.kind == "publishable" else "api",
            details=message.metadata,
            started_at=now,
            last_message_at=now,
            next_seq=3,
            fence=1,
            lease_turn_id=turn_id,
            lease_expires_at=expires,
            message_count=0,
            tokens_total=0,
        )
        return lease

    async def _store(
        self,
        transaction: AsyncConnection,
        asked: Asked,
        turn_id: str,
        lease: LeaseRow,
        period: str,
        amounts: Mapping[str, int],
        now: datetime,
    ) -> None:
        access = asked.access
        repository = TurnRepository(transaction, access.client_id)
        await repository.begin_turn(
            id=turn_id,
            conversation_id=lease.conversation_id,
            status="running",
            idempotency_key=asked.key,
            body_hash=asked.message.fingerprint() if asked.key else "",
            fence=lease.fence,
            period=period,
            reserved=amounts,
            accepted_at=now,
            deadline_at=now + timedelta(seconds=self._settings.turn_deadline_s),
        )
        await repository.add_message(
            id=new_id(),
            conversation_id=lease.conversation_id,
            turn_id=turn_id,
            seq=lease.seq,
            role="user",
            author="visitor",
            content=asked.message.message,
            parts=None,
            tokens_used=0,
            timestamp=now,
        )
        # Last, since every turn of the client meets in these rows.
        await counter.reserve(transaction, access.client_id, period, amounts, access.view.limits)

    # -- waiting ----------------------------------------------------------------------------------------

    async def _wait_in_order(self, turn_id: str, conversation: tuple[str, str]) -> None:
        lock = self._order.get(conversation)
        if lock is None:
            lock = self._order[conversation] = asyncio.Lock()
        try:
            async with asyncio.timeout(self._settings.turn_deadline_s):
                await lock.acquire()
        except TimeoutError:
            raise _busy() from None
        self._held[turn_id] = lock

    def _free(self, turn_id: str) -> None:
        lock = self._held.pop(turn_id, None)
        if lock is not None:
            lock.release()

    async def _when_free(self, client_id: str, session_id: str, give_up: float) -> None:
        """Return when another try may succeed; raise when none can."""
        async with self._database.read() as connection:
            state = await TurnRepository(connection, client_id).state(session_id)
        if state is None:
            raise not_found("conversation")
        if state.ended_at is not None:
            raise Problem(
                409,
                "conversation_ended",
                "This conversation has ended. Begin a new one by leaving out session_id.",
            )
        if state.lease_turn_id is None:
            return
        if state.lease_expires_at is not None and state.lease_expires_at < self._clock.now():
            await self._break_lease(client_id, state)
            return
        if asyncio.get_running_loop().time() > give_up:
            raise _busy()
        await asyncio.sleep(POLL_S)

    async def _break_lease(self, client_id: str, state: StateRow) -> None:
        """The turn that held the conversation died with its process: it failed, and the next may run."""
        log.warning("turn abandoned by its process", client_id=client_id, turn_id=state.lease_turn_id)
        async with self._database.write() as transaction:
            await TurnRepository(transaction, client_id).abandon(state, now=self._clock.now())

    async def _wait_elsewhere(self, client_id: str, row: TurnRow) -> TurnStream:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + REPLAY_WAIT_S
        found: TurnRow | None = row
        while found is not None and found.outcome is None and loop.time() < give_up:
            await asyncio.sleep(POLL_S)
            async with self._database.read() as connection:
                found = await TurnRepository(connection, client_id).by_id(row.id)
        if found is None or found.outcome is None:
            raise in_flight()
        stream = TurnStream(found.id)
        stream.finish(self.answer(found.session_id, found.outcome))
        return stream

    async def find(self, client_id: str, turn_id: str) -> TurnRow | None:
        """A turn of the client; None also for an id that is none."""
        if not is_id(turn_id):
            return None
        async with self._database.read() as connection:
            return await TurnRepository(connection, client_id).by_id(turn_id)

    def answer(self, session_id: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """The stored outcome with the session's token, which is stored nowhere."""
        return {
            "session_id": session_id,
            "session_token": self._keyring.session_token(session_id),
            **outcome,
        }

    async def _limit_problem(self, access: Access, error: counter.LimitReached) -> Problem:
        await access.view.hooks.tell(
            "limit_reached",
            LimitReached(access.client_id, error.metric, error.limit),  # type: ignore[arg-type]
        )
        return Problem(
            429,
            "limit_reached",
            access.view.limit_message
            or f"This month's {error.metric} of the plan are used up. Ask for a larger plan.",
            metric=error.metric,
        )


def check_first_key(message: ChatMessage, key: str | None) -> None:
    """A first turn's key opens the conversation to whoever repeats it, so it must be hard to guess."""
    if message.session_id is None and key is not None and not is_id(key.lower()):
        raise Problem(
            422,
            "idempotency_key_not_uuid",
            "In a conversation's first message the idempotency key must be a UUID.",
        )


def in_flight() -> Problem:
    return Problem(
        409,
        "turn_in_flight",
        "The same message is still being answered. Repeat the request a little later.",
        headers={"Retry-After": "5"},
    )


def _busy() -> Problem:
    return Problem(
        409,
        "conversation_busy",
        "Another message of this conversation is still being answered. Try again a little later.",
        headers={"Retry-After": "5"},
    )
