"""Looking for news where they do not come by themselves; stored with where looking came to."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import structlog
from csai_sdk import ChannelError, Clock, Polled

from csai.channels.inbox import Inbox
from csai.channels.line import Line, LineClosed, Lines
from csai.channels.repository import AccountRepository
from csai.channels.task import Task
from csai.config import Settings
from csai.database import Database

log = structlog.get_logger(__name__)

POLLING_S = 120.0
# What fails is looked at less and less often.
MOST_WAIT_S = 900.0
CLOSED_WAIT_S = 300.0


class Polling:
    """Looks for news."""

    def __init__(self, *, settings: Settings, database: Database, clock: Clock, lines: Lines) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._lines = lines

    async def poll(self, task: Task) -> str:
        """Look once; what came of it. Looking twice finds nothing twice."""
        async with self._database.read() as connection:
            repository = AccountRepository(connection, task.client_id)
            account, known = await repository.find(task.item_id), await repository.cursor(task)
        if account is None or known is None:
            return "overtaken"
        cursor, config_version = known
        try:
            async with self._lines.open(account, config_version) as line:
                if line.channel.poll_every_s is None:
                    return await self._failed(task, "it is not looked for news", CLOSED_WAIT_S)
                return await self._look(task, line, cursor, line.channel.poll_every_s)
        except LineClosed as closed:
            return await self._failed(task, str(closed), CLOSED_WAIT_S)

    async def _look(self, task: Task, line: Line, cursor: object, every_s: float) -> str:
        try:
            async with asyncio.timeout(POLLING_S):
                polled = await line.channel.poll(cursor, line.account, line.ctx)
            json.dumps(polled.cursor, allow_nan=False)
        except ChannelError as error:
            return await self._failed(task, str(error), error.retry_after_s or min(MOST_WAIT_S, every_s * 4))
        except (Exception, SystemExit) as error:
            log.exception("a channel could not be looked at", channel=line.channel.id)
            return await self._failed(task, type(error).__name__, min(MOST_WAIT_S, every_s * 4))
        return await self._store(task, polled, every_s)

    async def _store(self, task: Task, polled: Polled, every_s: float) -> str:
        now = self._clock.now()
        async with self._database.write() as transaction:
            accounts = AccountRepository(transaction, task.client_id)
            again_at = now + timedelta(seconds=every_s)
            if not await accounts.looked(task, next_poll_at=again_at, cursor=polled.cursor, fault=None):
                return "overtaken"
            inbox = Inbox(
                transaction,
                task.client_id,
                task.item_id,
                max_chars=self._settings.max_message_chars,
                now=now,
            )
            await inbox.take(polled.news)
        return "looked"

    async def _failed(self, task: Task, fault: str, wait_s: float) -> str:
        again_at = self._clock.now() + timedelta(seconds=wait_s)
        async with self._database.write() as transaction:
            accounts = AccountRepository(transaction, task.client_id)
            await accounts.looked(task, next_poll_at=again_at, fault=fault[:300])
        return "failed"
