"""Attempts as durable runs: one for each number, forgotten once they are over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from csai.config import Settings
from csai.jobs.durable import DurableJobs
from csai.jobs.runner import jobs_url
from csai.kit.identifier import new_id
from csai.outbox.repository import Attempt
from dbos import DBOS

from tests.support.backend import Backend


class Made:
    """Stands in for deliveries: counts the attempts that are made."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    async def attempt(self, client_id: str, event_id: str, number: int) -> str:
        attempt = Attempt(client_id, event_id, number)
        self.attempts.append(attempt)
        return "delivered"


class Embedding:
    """Stands in for embeddings: there is something to do three times."""

    def __init__(self) -> None:
        self.batches: list[str] = []
        self.is_over = asyncio.Event()

    async def run_batch(self, client_id: str) -> str:
        self.batches.append(client_id)
        if len(self.batches) < 3:
            return "more"
        self.is_over.set()
        return "done"


@pytest.fixture
def embedding() -> Embedding:
    return Embedding()


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
async def durable(backend: Backend, made: Made, embedding: Embedding) -> AsyncIterator[DurableJobs]:
    url = jobs_url(Settings(database_url=backend.database_url))
    work = cast(Any, SimpleNamespace(deliveries=made, embeddings=embedding, jobs={}))
    durable = DurableJobs(work, url=url, worker_id=new_id())
    await durable.launch()
    yield durable
    await durable.close()


async def ended(attempt: Attempt) -> None:
    handle: Any = await DBOS.retrieve_workflow_async(f"deliver-{attempt.event_id}-{attempt.number}")
    await handle.get_result()


async def test_an_attempt_is_one_run_whoever_begins_it(durable: DurableJobs, made: Made) -> None:
    first = Attempt(new_id(), new_id(), 1)
    second = Attempt(first.client_id, first.event_id, 2)
    for attempt in (first, first, second, first):
        await durable.deliver(attempt)
    for attempt in (first, second):
        await ended(attempt)
    assert sorted(made.attempts, key=lambda attempt: attempt.number) == [first, second]


async def test_a_run_embeds_batch_after_batch_until_nothing_is_left(
    durable: DurableJobs, embedding: Embedding
) -> None:
    client_id = new_id()
    await durable.embed(client_id)
    await embedding.is_over.wait()
    assert embedding.batches == [client_id] * 3


async def test_runs_that_are_over_are_forgotten_and_others_are_not(durable: DurableJobs) -> None:
    attempt = Attempt(new_id(), new_id(), 1)
    await durable.deliver(attempt)
    await ended(attempt)
    now = datetime.now(UTC)
    await durable.forget_short_runs(now - timedelta(minutes=5))
    assert len(await asyncio.to_thread(DBOS.list_workflows)) == 1
    await durable.forget_short_runs(now + timedelta(minutes=5))
    assert await asyncio.to_thread(DBOS.list_workflows) == []
