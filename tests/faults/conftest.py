"""What the tests of faults share: real processes over real services, and a world outside that counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import PostgresRedis, SqliteMemory
from tests.support.fleet import Fleet, fleet_over
from tests.support.upstream import Upstream

FOLDER = Path(__file__).parent
# Far beyond what any needs where the machine is its own.
LONGEST_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that starts a dozen processes on a busy machine may still be right when others have hung."""
    for item in items:
        if item.path.parent == FOLDER and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_S))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The model and the webhook of a module's tests."""
    with Upstream().serving() as serving:
        yield serving


@pytest.fixture(scope="module")
def fleet(
    postgres_redis: PostgresRedis, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """An installation on PostgreSQL and Redis, which a module's tests share."""
    folder = tmp_path_factory.mktemp("fleet")
    with postgres_redis.fresh(folder) as backend, fleet_over(backend, upstream, folder) as running:
        yield running


@pytest.fixture
def sqlite_fleet(sqlite_memory: SqliteMemory, upstream: Upstream, tmp_path: Path) -> Iterator[Fleet]:
    """An installation on a file of SQLite, without Redis."""
    with sqlite_memory.fresh(tmp_path) as backend, fleet_over(backend, upstream, tmp_path) as running:
        yield running
