"""Does the jobs in this process, for as long as it is one of the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import structlog
from csai_sdk import Clock
from sqlalchemy import make_url

from csai.config import Settings
from csai.database import Database, DatabaseUnavailable
from csai.jobs.repository import WorkerRepository
from csai.jobs.work import Job, Work
from csai.kit.identifier import new_id
from csai.kit.waiting import end

if TYPE_CHECKING:
    from csai.jobs.durable import DurableJobs

log = structlog.get_logger(__name__)

# Between looks at the outbox: while there is nothing in it, and while there may be more.
SWEEP_S = 2.0
SWEEP_AGAIN_S = 0.2
RUNS_KEPT = timedelta(hours=1)

Kind = Literal["in_process", "worker"]


class JobRunner:
    """Begins the runs that are due and takes over those that others left.

    A server (`in_process`) stands by while another worker lives, and has loaded nothing of DBOS until then.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        work: Work,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._work = work
        self._kind: Kind = "in_process"
        self._id = new_id()
        self._durable: DurableJobs | None = None
        self._begun: dict[str, str] = {}
        self._is_worker = False
        self._tidied_at: datetime | None = None
        self._awake = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def schedule(self) -> Mapping[str, Job]:
        """Every job, by name."""
        return self._work.jobs

    def start(self, kind: Kind) -> None:
        """Work beside whatever else this process does, until stopped."""
        self._kind = kind
        self._tasks = (asyncio.create_task(self._run()), asyncio.create_task(self._sweep()))

    def wake(self) -> None:
        """There is something new to be done: look at once."""
        self._awake.set()

    async def _run(self) -> None:
        if self._kind == "in_process":
            # What a server does first is answer.
            await asyncio.sleep(self._settings.heartbeat_s)
        while True:
            try:
                await self._beat()
            except Exception:
                log.exception("jobs not looked after")  # and tried again at the next beat
            await asyncio.sleep(self._settings.heartbeat_s)

    async def _beat(self) -> None:
        """Stay a worker, or become one where one is needed; begin what is due and take over what was left."""
        living = await self._be_a_worker()
        self._is_worker = self._id in living
        if not self._is_worker:
            return
        durable = await self._launched()
        if count := await durable.take_over(living):
            log.info("runs of a dead worker taken over", count=count)
        now = self._clock.now()
        for job in self._work.jobs.values():
            run_id = job.run_id(now)
            if self._begun.get(job.name) != run_id:
                await durable.start(job.name, run_id)
                self._begun[job.name] = run_id
        if self._tidied_at is None or now - self._tidied_at > RUNS_KEPT:
            await durable.forget_short_runs(now - RUNS_KEPT)
            self._tidied_at = now

    async def _sweep(self) -> None:
        """Begin deliveries and embeddings as they fall due."""
        while True:
            begun = 0
            try:
                if self._is_worker and self._durable is not None:
                    begun = await self._deliver(self._durable)
                    await self._embed(self._durable)
                    await self._begin_asked(self._durable)
            except DatabaseUnavailable:
                pass  # the beat tells of it
            except Exception:
                log.exception(
                    "outbox, channels, embeddings or runs not looked after"
                )  # and tried at the next look
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_AGAIN_S if begun else SWEEP_S):
                    await self._awake.wait()
            self._awake.clear()

    async def _deliver(self, durable: DurableJobs) -> int:
        attempts = await self._work.deliveries.claim()
        for attempt in attempts:
            await durable.deliver(attempt)
        # What it puts on its way is claimed at once.
        followed_up = await self._work.follow_ups.send_due()
        tasks = await self._work.channels.claim()
        for task in tasks:
            await durable.do_for_channel(task)
        return len(attempts) + followed_up + len(tasks)

    async def _embed(self, durable: DurableJobs) -> None:
        for client_id in await self._work.embeddings.claim():
            await durable.embed(client_id)

    async def _begin_asked(self, durable: DurableJobs) -> None:
        for job, run_id in await self._work.asked():
            await durable.start(job, run_id)

    async def stop(self) -> None:
        await end(self._tasks)
        if self._durable is not None:
            await self._durable.close()
            async with self._database.write() as transaction:
                await WorkerRepository(transaction, self._id).leave()

    async def _be_a_worker(self) -> set[str]:
        now = self._clock.now()
        expires = now + timedelta(seconds=self._settings.lease_s)
        async with self._database.write() as transaction:
            workers = WorkerRepository(transaction, self._id)
            if not await workers.stay(expires=expires):
                is_alone = self._kind == "in_process" and self._durable is None
                await workers.join(self._kind, now=now, expires=expires, is_alone=is_alone)
            return await workers.living(now=now)

    async def _launched(self) -> DurableJobs:
        if self._durable is None:
            # Half a second of imports, beside the event loop.
            from_here = await asyncio.to_thread(_load)
            durable = from_here(self._work, url=jobs_url(self._settings), worker_id=self._id)
            try:
                await durable.launch()
            except BaseException:
                await durable.close()
                raise
            self._durable = durable
            log.info("doing the jobs", worker=self._id, kind=self._kind)
        return self._durable


def jobs_url(settings: Settings) -> str:
    """Where DBOS keeps its runs: beside our tables on PostgreSQL, in a file beside ours on SQLite.

    Sharing one SQLite file would make the turn's writes wait for DBOS's.
    """
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=False)
    return f"sqlite:///{(url.database or '').removesuffix('.sqlite')}-jobs.sqlite"


def _load() -> type[DurableJobs]:
    from csai.jobs.durable import DurableJobs

    return DurableJobs
