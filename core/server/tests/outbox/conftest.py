"""What the tests of deliveries share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from csai.database import Database

from core.server.tests.outbox.world import World
from tests.support.backend import Backend
from tests.support.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def world(backend: Backend, receiver: Receiver) -> AsyncIterator[World]:
    database = Database(backend.database_url)
    yield World(database, receiver)
    await database.close()
