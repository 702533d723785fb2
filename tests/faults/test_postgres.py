"""PostgreSQL is restarted, hangs, has no place or no room left, or is in the way.

A message is then accepted a little later, or refused with 503 and Retry-After before anything of it is
stored; one that was accepted gets its outcome, and is counted and paid for once.
"""

from __future__ import annotations

import itertools
import random
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from csai.migrations import upgrade
from psycopg import sql
from sqlalchemy import make_url

from tests.support.installation import Installation, Running
from tests.support.model_server import ModelServer, model_server
from tests.support.shop import Shop
from tests.support.small_disk import Disk, small_disk
from tests.support.stores import Stores
from tests.support.waiting import PATIENCE_S, until

VISITORS = 4
PLACES = 40
# Of the server: it gives a statement up, and two seconds later a PostgreSQL that says nothing at all.
STATEMENT_S = 3
BIG = 12_000
# Asked within PostgreSQL: one who waits looks for a deadlock only once, and a busy test may come late.
# Who waits for a row waits for a transaction; what DBOS makes at a server's start waits for all, with no row.
ONCE_WAITED_FOR = """
DO $$ BEGIN
    WHILE NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted
        AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
    ) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    PERFORM FROM conversations WHERE client_id = {} FOR UPDATE;
END $$
"""
OTHERS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="csai-pg-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def stores(folder: Path) -> Iterator[Stores]:
    """A PostgreSQL, and a Redis, that are these tests' alone."""
    stores = Stores(folder, max_connections=str(PLACES), deadlock_timeout="1500ms")
    yield stores
    stores.stop()


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def installation(folder: Path, stores: Stores, model: ModelServer) -> Installation:
    url = stores.start_postgres()
    upgrade(url)
    made = Installation(folder, database_url=url, redis_url=stores.start_redis(), model_url=model.url)
    made.variables |= {
        "CSAI_DATABASE_TIMEOUT_S": str(STATEMENT_S),
        "CSAI_DATABASE_CONNECT_TIMEOUT_S": "2",
        "CSAI_RESPONSE_CACHE_S": "0",
        # So that long conversations are summarised, which goes on after their turns.
        "CSAI_HISTORY_MESSAGES": "8",
    }
    return made


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Running]:
    with installation.serving() as running:
        yield running


@pytest.fixture
def shop(installation: Installation, server: Running, model: ModelServer) -> Shop:
    assert server.ready().status_code == 200
    return Shop(installation, server, model)


@dataclass(frozen=True)
class Asked:
    """A message as it was sent, and what came of it."""

    text: str
    key: str
    session: Mapping[str, str]
    response: httpx.Response


@dataclass
class Load:
    """Visitors who ask one thing after the other, whatever they are answered."""

    shop: Shop
    asked: list[Asked] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(VISITORS) as pool:
            visits = [pool.submit(self._visit, number) for number in range(VISITORS)]
            try:
                yield
            finally:
                self.is_over.set()
            for visit in visits:
                visit.result(PATIENCE_S)

    def answered(self) -> int:
        return sum(each.response.status_code == 200 for each in self.asked)

    def _visit(self, visitor: int) -> None:
        session: dict[str, str] = {}
        for number in itertools.count():
            if self.is_over.is_set():
                return
            text, key = f"visitor {visitor} message {number}", str(uuid4())
            asked = Asked(text, key, session, self.shop.say(text, key, **session))
            self.asked.append(asked)
            if asked.response.status_code == 200:
                session = {"session_id": asked.response.json()["session_id"]}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_restart_under_load_only_delays_or_refuses(
    shop: Shop, installation: Installation, stores: Stores, model: ModelServer, how: signal.Signals
) -> None:
    load = Load(shop)
    with load.running():
        for restarts in range(1, 3):
            until(lambda: load.answered() >= 20 * restarts)  # noqa: B023 - done before the next round
            stores.restart("postgres", how)
        until(lambda: load.answered() >= 60)
        model.hold()
        held = len(model.requests)
        until(lambda: len(model.requests) - model.reported >= VISITORS or len(model.requests) > held + 50)

        stores.end("postgres", how)
        model.release()
        check_refused(shop.say("While it is gone"))
        stores.begin("postgres")
        before = load.answered()
        until(lambda: load.answered() >= before + 20)

    refused = [asked for asked in load.asked if asked.response.status_code != 200]
    for asked in refused:
        check_refused(asked.response)
    unsure = {asked.key for asked in refused if "not known" in asked.response.json()["detail"]}
    stored = installation.query(
        "SELECT idempotency_key, outcome ->> 'turn_id' FROM turns WHERE client_id = %s", shop.client_id
    )
    turns = dict(stored)
    assert not turns.keys() & {asked.key for asked in refused if asked.key not in unsure}
    for asked in load.asked:
        if asked.response.status_code == 200:
            answer = asked.response.json()
            assert answer["turn_id"] == turns[asked.key]
            assert (answer["status"], answer["message"]["content"]) == (
                "completed",
                f"You said: {asked.text}",
            )
        again = shop.say(asked.text, asked.key, **asked.session)
        assert again.status_code == 200, again.text
        assert asked.response.status_code != 200 or again.content == asked.response.content
    until(lambda: installation.query("SELECT FROM summary_folds") == [])
    shop.check_books(turns=len(load.asked))


def check_refused(response: httpx.Response) -> None:
    """503 that says what it is and when to come back."""
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["code"] == "database_unavailable"


def test_without_a_free_place_messages_are_refused_until_there_is_one(
    shop: Shop, installation: Installation, server: Running, model: ModelServer
) -> None:
    talk = shop.talk("crowded")
    talk.go_on()
    model.hold()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(talk.go_on)
        model.asked(2)
        with all_places(installation):
            model.release()
            check_refused(shop.say("No place"))
            not_ready = server.ready()
            assert (not_ready.status_code, not_ready.json()["reason"]) == (503, "database_unreachable")
            assert server.http.get("/health").status_code == 200
        running.result(PATIENCE_S)
    talk.go_on()
    assert server.ready().status_code == 200
    talk.check_context()
    shop.check_books(turns=3)


@contextmanager
def all_places(installation: Installation) -> Iterator[None]:
    """Another program takes every connection that there is, those of the server too."""
    with ExitStack() as held:
        first = held.enter_context(psycopg.connect(installation.libpq_url, autocommit=True))
        pids = [first.info.backend_pid]

        def take() -> None:
            try:
                more = held.enter_context(psycopg.connect(installation.libpq_url))
            except psycopg.OperationalError:
                first.execute(f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS others", [pids])
            else:
                pids.append(more.info.backend_pid)

        until(lambda: len(pids) == PLACES, take)
        yield


@pytest.mark.parametrize("step", ["accepting", "settling"])
def test_a_deadlock_with_another_program_costs_no_turn(
    shop: Shop, installation: Installation, folder: Path, model: ModelServer, step: str
) -> None:
    talk = shop.talk("stuck")
    talk.go_on()
    log = folder / "postgres.log"
    seen = log.read_text().count("deadlock detected")
    with (
        psycopg.connect(installation.libpq_url) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        # The server is to be the one that finds out, and is undone.
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SET statement_timeout = '60s'")
        running: Future[Any] | None = None
        if step == "settling":
            model.hold()
            running = pool.submit(talk.go_on)
            model.asked(2)
        other.execute("SELECT FROM counters WHERE client_id = %s FOR UPDATE", [shop.client_id])
        running = running or pool.submit(talk.go_on)
        model.release()
        other.execute(sql.SQL(ONCE_WAITED_FOR).format(sql.Literal(shop.client_id)))
        other.commit()
        running.result(PATIENCE_S)
    assert log.read_text().count("deadlock detected") == seen + 1
    talk.check_context()
    shop.check_books(turns=2)


def test_a_full_disk_leaves_nothing_half_written(
    folder: Path, installation: Installation, model: ModelServer
) -> None:
    with small_disk(folder / "disk", installation.libpq_url) as (libpq_url, disk):
        url = make_url(libpq_url).set(drivername="postgresql+psycopg").render_as_string()
        upgrade(url)
        redis_url = installation.variables["CSAI_REDIS_URL"]
        small = Installation(folder, database_url=url, redis_url=redis_url, model_url=model.url)
        # Nothing of the conversation is left out, so nothing of it is summarised.
        small.variables |= dict.fromkeys(("CSAI_HISTORY_TOKENS", "CSAI_CONTEXT_TOKENS"), "200000")
        check_full_disk(small, disk, model)


def check_full_disk(small: Installation, disk: Disk, model: ModelServer) -> None:
    with small.serving() as server, ThreadPoolExecutor(1) as pool:
        shop = Shop(small, server, model)
        session = {"session_id": shop.say(noise()).json()["session_id"]}
        model.hold()
        running = pool.submit(shop.say, noise(), **session)
        model.asked(2)
        before = everything(small)

        disk.fill()
        for _ in range(3):
            check_refused(shop.say(noise(), str(uuid4())))
        assert everything(small) == before
        model.release()
        server.program.err.until("turn not settled")
        disk.free()

        assert running.result(PATIENCE_S).json()["status"] == "completed"
        assert shop.say(noise(), **session).json()["status"] == "completed"
        shop.check_books(turns=3)


def noise() -> str:
    """Words that cannot be squeezed."""
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=BIG))


def everything(installation: Installation) -> list[Any]:
    """What is stored of chats."""
    tables = ("conversations", "messages", "turns", "counters", "ledger", "waiting_turns")
    return [
        installation.query(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
        for table in tables
    ]


def test_a_hung_postgres_is_told_in_time_and_used_again_when_it_goes_on(
    shop: Shop, server: Running, stores: Stores, model: ModelServer
) -> None:
    talk = shop.talk("hung")
    talk.go_on()
    model.hold()
    with ThreadPoolExecutor(VISITORS + 1) as pool:
        running = pool.submit(talk.go_on)
        model.asked(2)
        with stores.paused("postgres"):
            model.release()
            refused = [pool.submit(shop.say, f"Anybody {number}") for number in range(VISITORS)]
            not_ready = server.ready()
            assert (not_ready.status_code, not_ready.json()["reason"]) == (503, "database_unreachable")
            for each in refused:
                check_refused(each.result(PATIENCE_S))
        running.result(PATIENCE_S)
    assert server.ready().status_code == 200
    talk.go_on()
    talk.check_context()
    shop.check_books(turns=3)
