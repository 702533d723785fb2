"""The order of a conversation's messages: answered one after the other, as they came to whichever process.

Within a process they stand in a line, of which the first one runs or may take the conversation. Across
processes the line is a row for each message that has to wait, which its process keeps alive; taking the
conversation is refused while an older row lives. A message that finds its conversation free writes none.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from csai_sdk import Clock

from csai.chat.repository import TurnRepository
from csai.config import Settings
from csai.database import Database, DatabaseUnavailable
from csai.kit.problem import Problem
from csai.statement import Step

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Place:
    """Of one message, in the line of its conversation."""

    client_id: str
    session_id: str
    is_first: asyncio.Event = field(default_factory=asyncio.Event)
    is_stored: bool = False
    """Whether it has a row, or may have one."""

    @property
    def conversation(self) -> tuple[str, str]:
        return self.client_id, self.session_id


class Order:
    """Lets messages wait for those that came earlier."""

    def __init__(self, *, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lines: dict[tuple[str, str], deque[_Place]] = {}
        self._places: dict[str, _Place] = {}
        self._keeper: asyncio.Task[None] | None = None

    async def wait(self, turn_id: str, client_id: str, session_id: str) -> None:
        """Return when the messages that came to this process earlier are answered. Raises 409 after long.

        Call it at once when the turn's id is made: rows are in the order of ids, and if lines were not,
        two messages could wait for each other.
        """
        place = self._places[turn_id] = _Place(client_id, session_id)
        line = self._lines.setdefault(place.conversation, deque())
        line.append(place)
        if line[0] is place:
            return
        await self.queue_up(turn_id)
        try:
            async with asyncio.timeout(self._settings.turn_deadline_s):
                await place.is_first.wait()
        except TimeoutError:
            raise busy() from None

    async def queue_up(self, turn_id: str) -> None:
        """Let the message wait among those of all processes."""
        place = self._places[turn_id]
        if place.is_stored:
            return
        # Before it is: what fails or is cancelled on its way may be there all the same.
        place.is_stored = True
        step = TurnRepository(place.client_id).queue_up(turn_id, place.session_id, expires=self._expiry())
        await self._database.transact(step)
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep())

    def leaving(self, turn_id: str) -> list[Step]:
        """For the transaction that takes the conversation: gives the place up, where there is a row of it."""
        place = self._places.get(turn_id)
        return [TurnRepository(place.client_id).leave_queue(turn_id)] if place and place.is_stored else []

    def has_come(self, turn_id: str) -> None:
        """The message has its conversation, and its row is gone."""
        place = self._places.get(turn_id)
        if place is not None:
            place.is_stored = False

    async def leave(self, turn_id: str) -> None:
        """Give up waiting. A row that cannot be removed now expires by itself."""
        steps = self.leaving(turn_id)
        self.free(turn_id)
        if steps:
            try:
                await self._database.transact(*steps)
            except DatabaseUnavailable:
                log.warning("place in the line not given up", turn_id=turn_id)

    def free(self, turn_id: str) -> None:
        """The message has left or is answered: let the next one of this process come."""
        place = self._places.pop(turn_id, None)
        if place is None:
            return
        line = self._lines[place.conversation]
        line.remove(place)
        if line:
            line[0].is_first.set()
        else:
            del self._lines[place.conversation]

    async def _keep(self) -> None:
        """Keep the rows alive while there are any."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            expires = self._expiry()
            steps = [
                TurnRepository(place.client_id).keep_place(turn_id, expires=expires)
                for turn_id, place in self._places.items()
                if place.is_stored
            ]
            if not steps:
                return
            try:
                await self._database.transact(*steps)
            except Exception:
                log.exception("places in the line not kept")

    def _expiry(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._settings.lease_s)


def busy() -> Problem:
    return Problem(
        409,
        "conversation_busy",
        "Another message of this conversation is still being answered. Try again a little later.",
        headers={"Retry-After": "5"},
    )
