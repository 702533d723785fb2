"""Jobs as durable workflows of DBOS: a step for each client, and what a dead process began goes on elsewhere.

Importing this loads DBOS, which takes half a second: only what does jobs does so, and not before it must.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Set
from concurrent.futures import CancelledError, Future
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy
import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID

from csai.channels.task import Task
from csai.jobs.repository import Failure, cause_of
from csai.jobs.work import Work
from csai.kit.identifier import new_id
from csai.outbox.repository import Attempt

log = structlog.get_logger(__name__)

T = TypeVar("T")

# DBOS gives a process' work only to processes of the same version, and by itself calls every change of a
# workflow's source another one. A run has stored the names of its steps: when those change, so must this.
VERSION = "2"
CONNECTIONS = 4
DELIVERY = "deliver-"
CHANNEL = "channel-"
EMBEDDING = "embed-"
MINUTELY = "hours-"
FORGOTTEN_AT_ONCE = 500


class Interrupted(BaseException):
    """The process ends; no `Exception`, so that DBOS books no failure and the run goes on elsewhere."""


class RunFailed(Exception):
    """Some clients' part of a run failed; the others' is done."""


class DurableJobs:
    """This process' DBOS. There can be one in a process.

    Workflows run on DBOS's own threads and have their work done on the event loop that made this.
    """

    def __init__(self, work: Work, *, url: str, worker_id: str) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._waiting: set[Future[Any]] = set()
        self._is_closing = False
        self._engine = _engine(url)
        config: DBOSConfig = {
            "name": "csai",
            "system_database_url": url,
            "system_database_engine": self._engine,
            "application_version": VERSION,
            "executor_id": worker_id,
            "enable_otlp": False,
            "use_listen_notify": False,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        _log_as_we_do()

        @DBOS.workflow(name="csai.run")
        def run(job: str) -> int:
            return self._run_for_all(job)

        @DBOS.workflow(name="csai.deliver")
        def deliver(client_id: str, event_id: str, number: int) -> str:
            return self._deliver_one(client_id, event_id, number)

        @DBOS.workflow(name="csai.channel")
        def channel(kind: str, client_id: str, item_id: str, number: int) -> str:
            return self._do_for_channel(kind, client_id, item_id, number)

        @DBOS.workflow(name="csai.embed")
        def embed(client_id: str) -> int:
            return self._embed_all(client_id)

        self._run = run
        self._embedding = embed
        self._delivery = deliver
        self._channel = channel

    async def launch(self) -> None:
        await asyncio.to_thread(DBOS.launch)

    async def start(self, job: str, run_id: str) -> None:
        """Begin a run, unless it has been begun before, by whichever process."""
        await asyncio.to_thread(self._start, job, run_id)

    async def deliver(self, attempt: Attempt) -> None:
        """Begin a run for the attempt, whose end nobody waits for."""
        await asyncio.to_thread(self._start_delivery, attempt)

    async def do_for_channel(self, task: Task) -> None:
        """Begin a run for a channel's task, whose end nobody waits for."""
        await asyncio.to_thread(self._start_for_channel, task)

    async def embed(self, client_id: str) -> None:
        """Begin a run for the client's passages that lack vectors, whose end nobody waits for."""
        await asyncio.to_thread(self._start_embedding, client_id)

    async def forget_short_runs(self, before: datetime) -> None:
        """Remove finished runs whose outcome stands in our tables, and of which there are many."""
        await asyncio.to_thread(self._forget_short_runs, before)

    async def take_over(self, living: Set[str]) -> int:
        """Go on with what workers began that live no longer; how many runs that were."""
        return await asyncio.to_thread(self._take_over, living)

    async def close(self) -> None:
        """Leave what is not finished to others."""
        self._is_closing = True
        for future in self._waiting.copy():
            future.cancel()
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        self._engine.dispose()

    def _start(self, job: str, run_id: str) -> None:
        with SetWorkflowID(run_id):
            DBOS.start_workflow(self._run, job)

    def _start_delivery(self, attempt: Attempt) -> None:
        with SetWorkflowID(f"{DELIVERY}{attempt.event_id}-{attempt.number}"):
            DBOS.start_workflow(self._delivery, attempt.client_id, attempt.event_id, attempt.number)

    def _start_for_channel(self, task: Task) -> None:
        with SetWorkflowID(f"{CHANNEL}{task.kind}-{task.item_id}-{task.number}"):
            DBOS.start_workflow(self._channel, task.kind, task.client_id, task.item_id, task.number)

    def _start_embedding(self, client_id: str) -> None:
        with SetWorkflowID(f"{EMBEDDING}{client_id}-{new_id()}"):
            DBOS.start_workflow(self._embedding, client_id)

    def _forget_short_runs(self, before: datetime) -> None:
        while not self._is_closing:
            ended = DBOS.list_workflows(
                workflow_id_prefix=[DELIVERY, CHANNEL, EMBEDDING, MINUTELY],
                status=["SUCCESS", "ERROR"],
                completed_before=before.isoformat(),
                limit=FORGOTTEN_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            DBOS.delete_workflows([run.workflow_id for run in ended])
            if len(ended) < FORGOTTEN_AT_ONCE:
                break

    def _take_over(self, living: Set[str]) -> int:
        begun = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        dead = sorted({run.executor_id for run in begun if run.executor_id} - living)
        # It gives back only what still belongs to these: two workers that do so at once do no harm.
        return len(DBOS._recover_pending_workflows(dead)) if dead else 0

    def _run_for_all(self, job: str) -> int:
        """A workflow: the job for one client after the other. What fails for one is left to the next run."""
        failures: list[Failure] = []
        run_id = DBOS.workflow_id or ""
        self._on_loop(self._work.note_begun, job, run_id)
        clients: list[str] = DBOS.run_step({"name": "clients"}, self._on_loop, self._work.clients, job)
        for client_id in clients:
            try:
                DBOS.run_step({"name": client_id}, self._on_loop, self._work.jobs[job].do, client_id)
            except Exception as error:
                log.exception("job failed for a client", job=job, client_id=client_id)
                failures.append({"client_id": client_id, "cause": cause_of(error)})
        self._on_loop(self._work.note_ended, job, run_id, len(clients), failures)
        if failures:
            raise RunFailed(f"{job} failed for {len(failures)} of {len(clients)} clients")
        log.info("run done", job=job, run=DBOS.workflow_id, clients=len(clients))
        return len(clients)

    def _deliver_one(self, client_id: str, event_id: str, number: int) -> str:
        """A workflow: one attempt at delivering an event."""
        attempt = self._work.deliveries.attempt
        return DBOS.run_step({"name": "attempt"}, self._on_loop, attempt, client_id, event_id, number)

    def _do_for_channel(self, kind: str, client_id: str, item_id: str, number: int) -> str:
        """A workflow: one attempt at answering a message, at sending a piece, at looking for news."""
        do = self._work.channels.do
        return DBOS.run_step({"name": kind}, self._on_loop, do, kind, client_id, item_id, number)

    def _embed_all(self, client_id: str) -> int:
        """A workflow: batch after batch until nothing is left, or something stands in the way."""
        run_batch = self._work.embeddings.run_batch
        batches = 0
        while DBOS.run_step({"name": "batch"}, self._on_loop, run_batch, client_id) == "more":
            batches += 1
        return batches

    def _on_loop(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        if self._is_closing:
            raise Interrupted
        future = asyncio.run_coroutine_threadsafe(_awaited(work, *arguments), self._loop)
        self._waiting.add(future)
        try:
            return future.result()
        except CancelledError:
            raise Interrupted from None
        finally:
            self._waiting.discard(future)


def _log_as_we_do() -> None:
    """DBOS writes lines of its own to stderr: have the process' handlers write them."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True


async def _awaited(work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    return await work(*arguments)


def _engine(url: str) -> sqlalchemy.Engine:
    """DBOS's connections, and on PostgreSQL its place: a schema of its own in the same database."""
    if url.startswith("sqlite"):
        return sqlalchemy.create_engine(url, hide_parameters=True)
    return sqlalchemy.create_engine(
        url, pool_size=CONNECTIONS, max_overflow=0, pool_recycle=1800, hide_parameters=True
    )
