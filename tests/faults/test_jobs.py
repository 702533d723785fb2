"""Workers that die, that come in twos, and that nobody starts."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from csai.database import Database
from csai.kit.fault_point import VARIABLE, FaultPoint
from csai.models import Worker

from tests.support.backend import Backend
from tests.support.history import add_client, all_rows, converse, used, words
from tests.support.program import Program, run, running
from tests.support.waiting import PATIENCE_S, until

SECRET = "0123456789abcdef0123456789abcdef"
JOBS = ("embeddings", "payments", "retention", "tools", "usage")
LEASE_S = 10
T = TypeVar("T")

# Each dies further on: a run is taken up where the one before left it.
DEATHS = (
    "retention_removed:1",
    "retention_committed:2",
    "retention_counted:2",
    "retention_chosen:2",
)


@pytest.fixture
def variables(backend: Backend) -> dict[str, str]:
    # Two seconds without a sign, and a worker is dead.
    return {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET, "CSAI_LEASE_S": "2"}


def ask(backend: Backend, question: Callable[[Database], Awaitable[T]]) -> T:
    async def work() -> T:
        database = Database(backend.database_url)
        try:
            return await question(database)
        finally:
            await database.close()

    return asyncio.run(work())


def fill(backend: Backend) -> None:
    """Two clients with conversations from before each of the periods, and one from within them all."""

    async def work(database: Database) -> None:
        now = datetime.now(UTC)
        for _ in range(2):
            client_id = await add_client(database, at=now)
            for days_ago in (31, 31, 45, 91, 91, 120):
                await converse(database, client_id, now - timedelta(days=days_ago))
            await converse(database, client_id, now - timedelta(hours=1))

    ask(backend, work)


def done(program: Program, job: str) -> None:
    """Wait for the end of a run of the job."""
    while json.loads(program.err.until('"run done"'))["job"] != job:
        pass


def ended_runs(lines: Iterable[str]) -> list[str]:
    """Of what workers said: the ids of the hourly runs that ended."""
    said = [json.loads(line) for line in lines]
    return [line["run"] for line in said if line["event"] == "run done" and line["job"] in JOBS]


def due_runs(*moments: datetime) -> set[str]:
    """One run of each job an hour."""
    return {f"{job}-{moment:%Y-%m-%dT%H}" for job in JOBS for moment in moments}


async def expiries(database: Database) -> list[datetime]:
    return [row["expires_at"] for row in await all_rows(database, Worker)]


def test_killed_between_any_two_statements_of_retention_another_worker_ends_it(
    tmp_path: Path, backend: Backend, variables: dict[str, str]
) -> None:
    fill(backend)
    before = ask(backend, used)
    for death in DEATHS:
        with running("worker", cwd=tmp_path, **variables, **{VARIABLE: death}) as worker:
            assert worker.process.wait(PATIENCE_S) == -signal.SIGKILL
        assert ask(backend, used) == before, death
    assert ask(backend, words) > 10
    with running("worker", cwd=tmp_path, **variables) as worker:
        worker.err.until("taken over")
        done(worker, "retention")
        assert worker.stop(signal.SIGTERM) == 0
    assert ask(backend, used) == before
    assert ask(backend, words) == 2 * 6  # what is an hour old


def test_two_workers_at_once_do_each_run_once(
    tmp_path: Path, backend: Backend, variables: dict[str, str]
) -> None:
    fill(backend)
    began = datetime.now(UTC)
    # Nobody dies here, and on a busy machine nobody may be taken for dead.
    unhurried = variables | {"CSAI_LEASE_S": str(LEASE_S)}
    with ExitStack() as stack:
        workers = [stack.enter_context(running("worker", cwd=tmp_path, **unhurried)) for _ in range(2)]
        for worker in workers:
            worker.err.until("doing the jobs")
        runs: list[str] = []

        def have_ended() -> bool:
            runs.extend(ended_runs(line for worker in workers for line in worker.err.arrived()))
            return len(runs) >= len(JOBS)

        until(have_ended)
        # Both have looked for work after it was done.
        looked = datetime.now(UTC) + timedelta(seconds=LEASE_S)
        until(lambda: min(ask(backend, expiries)) > looked)
        assert [worker.stop(signal.SIGTERM) for worker in workers] == [0, 0]
        runs += ended_runs(line for worker in workers for line in worker.err.rest())
    assert len(runs) == len(set(runs)), runs
    assert set(runs) <= due_runs(began, datetime.now(UTC))


def test_a_server_does_the_jobs_where_no_worker_runs(
    tmp_path: Path, backend: Backend, variables: dict[str, str]
) -> None:
    fill(backend)
    with running("serve", "--port", "0", cwd=tmp_path, **variables) as server:
        done(server, "retention")
        assert server.stop() == 0
    assert ask(backend, words) == 2 * 6


def test_a_server_stands_by_while_a_worker_lives(
    tmp_path: Path, backend: Backend, variables: dict[str, str]
) -> None:
    with (
        running("worker", cwd=tmp_path, **variables) as worker,
        running("serve", "--port", "0", cwd=tmp_path, **variables) as server,
    ):
        worker.err.until("doing the jobs")
        server.err.until('"serving"')
        worker.process.kill()
        worker.process.wait(PATIENCE_S)
        server.err.until("doing the jobs")


def test_a_worker_has_nothing_to_do_where_jobs_are_off(tmp_path: Path, variables: dict[str, str]) -> None:
    refused = run("worker", cwd=tmp_path, **variables, CSAI_JOBS="off")
    assert refused.returncode == 2
    assert "CSAI_JOBS is off" in refused.stderr


def test_every_step_of_retention_is_died_at() -> None:
    named = {death.partition(":")[0] for death in DEATHS} | {FaultPoint.RETENTION_ARCHIVED.value}
    assert named == {point.value for point in FaultPoint if point.value.startswith("retention_")}
