"""What pytest loads for the tests of every package: services, backends and the browser."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from scripts import chromium as browser
from tests.support.backend import Backend, PostgresRedis, SqliteMemory
from tests.support.services import ServiceUrls, Supervision
from tests.support.verdicts import KnownPlugins

# Without it an example may take no longer than 200 ms, which a busy machine does not keep, and each run tries
# other ones, so that what one of them finds stops a change that has nothing to do with it.
settings.load_profile("ci")

BACKENDS = ("sqlite-memory", "postgres-redis")
SUPERVISION = pytest.StashKey[Supervision]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chromium: needs a browser (set by the fixture of that name)")
    config.stash[SUPERVISION] = Supervision()
    config.add_cleanup(config.stash[SUPERVISION].stop)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before xdist starts its workers, which inherit the environment; a single process waits to be asked."""
    starts_workers = session.config.getoption("numprocesses", default=None)
    if starts_workers and not session.config.getoption("collectonly"):
        session.config.stash[SUPERVISION].start()


def pytest_collection_finish() -> None:
    """What was collected stays for the whole run, and need not be looked through for garbage every time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def garbage_found_here(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves unclosed fails that test, and not whichever comes later."""
    yield
    # What it was handed has been closed by now, and is garbage too.
    request.node.funcargs.clear()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def service_urls(request: pytest.FixtureRequest) -> ServiceUrls:
    """A running PostgreSQL and Redis."""
    return request.config.stash[SUPERVISION].urls()


@pytest.fixture(scope="session")
def sqlite_memory(tmp_path_factory: pytest.TempPathFactory) -> SqliteMemory:
    return SqliteMemory(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_redis(service_urls: ServiceUrls, worker_id: str) -> Iterator[PostgresRedis]:
    maker = PostgresRedis(service_urls, worker_id)
    yield maker
    maker.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """A fresh, migrated database, with Redis beside it or not: the test runs once on each kind."""
    with _maker(request).fresh(tmp_path) as lent:
        yield lent


@pytest.fixture(params=BACKENDS)
def empty_backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Like `backend`, with no table in it yet: for tests of the migrations."""
    with _maker(request).fresh(tmp_path, is_migrated=False) as lent:
        yield lent


def _maker(request: pytest.FixtureRequest) -> SqliteMemory | PostgresRedis:
    maker: SqliteMemory | PostgresRedis = request.getfixturevalue(request.param.replace("-", "_"))
    return maker


@pytest.fixture(scope="session")
def known_plugins(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> KnownPlugins:
    """Spares installations of tests the trying of plugins: `known_plugins.put(data_dir)`."""
    own = tmp_path_factory.getbasetemp()
    return KnownPlugins((own if worker_id == "master" else own.parent) / "verdicts")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; the test is skipped where there is none."""
    path = browser.find()
    if path is None:
        pytest.skip("there is no Chromium on this machine (make chromium says why)")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m chromium` chooses what needs a browser."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("chromium")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud what was not tested, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple))
    if not reasons:
        return
    terminalreporter.section("NOT TESTED", sep="!", yellow=True, bold=True)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}", yellow=True)
