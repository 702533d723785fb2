"""What channels leave to be done: messages to be answered, pieces to be sent, accounts to be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from csai_sdk import Clock

from csai.channels.answering import Answering
from csai.channels.heard_repository import HeardRepository, due_messages
from csai.channels.line import Lines
from csai.channels.piece_repository import PieceRepository, due_pieces
from csai.channels.polling import POLLING_S, Polling
from csai.channels.repository import AccountRepository, due_accounts
from csai.channels.sending import Sending
from csai.channels.task import Task
from csai.config import Settings
from csai.database import Database

AT_ONCE = 40
AT_ONCE_PER_CLIENT = 10
SENDING_S = 60.0

REPOSITORIES: Mapping[str, type[PieceRepository | HeardRepository | AccountRepository]] = {
    "send": PieceRepository,
    "answer": HeardRepository,
    "poll": AccountRepository,
}


class ChannelWork:
    """Claims what is due and does it; each task once at a time, by whichever process."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        lines: Lines,
        answering: Answering,
        sending: Sending,
        polling: Polling,
    ) -> None:
        self.lines = lines
        self._database = database
        self._clock = clock
        self._answering = answering
        self._sending = sending
        self._polling = polling
        # A dead worker's run is taken over within this, as its place among the workers runs out.
        taking_over_s = 2 * settings.lease_s + 5
        self._patience = {
            "answer": timedelta(seconds=settings.turn_deadline_s + taking_over_s),
            "send": timedelta(seconds=SENDING_S + taking_over_s),
            "poll": timedelta(seconds=POLLING_S + taking_over_s),
        }
        self._under_way: dict[Task, datetime] = {}

    async def claim(self) -> list[Task]:
        """Tasks that are due, this process' to begin: few of a client, lest a slow one fill the room."""
        now = self._clock.now()
        self._under_way = {task: until for task, until in self._under_way.items() if until > now}
        of_client = Counter(task.client_id for task in self._under_way)
        busy = [client_id for client_id, count in of_client.items() if count >= AT_ONCE_PER_CLIENT]
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return []
        async with self._database.read() as connection:
            due = [
                *await due_pieces(connection, now=now, count=room, busy=busy),
                *await due_messages(connection, now=now, count=room, busy=busy),
                *await due_accounts(connection, now=now, count=room, busy=busy),
            ]
        if not due:
            return []
        async with self._database.write() as transaction:
            claimed = []
            for task in due[:room]:
                of_client[task.client_id] += 1
                if of_client[task.client_id] > AT_ONCE_PER_CLIENT:
                    continue
                repository = REPOSITORIES[task.kind](transaction, task.client_id)
                if await repository.claim(task, now=now, until=now + self._patience[task.kind]):
                    claimed.append(task)
        self._under_way |= {task: now + self._patience[task.kind] for task in claimed}
        return claimed

    async def do(self, kind: str, client_id: str, item_id: str, number: int) -> str:
        """Make an attempt; what came of it."""
        task = Task(kind, client_id, item_id, number)
        try:
            if kind == "send":
                return await self._sending.send(task)
            if kind == "poll":
                return await self._polling.poll(task)
            return await self._answering.answer(task)
        finally:
            self._under_way.pop(task, None)
