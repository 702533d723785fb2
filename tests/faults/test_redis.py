"""Redis is missing, killed, hung, slow or emptied: chats go on, slower at most, and stay right."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis

from tests.support.backend import PostgresRedis
from tests.support.installation import Installation, Running
from tests.support.model_server import ModelServer, model_server
from tests.support.proxy import Proxy, proxied
from tests.support.shop import Shop, Talk
from tests.support.stores import Stores
from tests.support.waiting import PATIENCE_S, until

VISITORS = 4
TURNS = 4
# A timeout for every command that a turn sends to Redis would be more than a second for each turn.
LOST_S = 8.0
PER_MINUTE = 20


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    with tempfile.TemporaryDirectory(prefix="csai-redis-") as folder:
        stores = Stores(Path(folder))
        yield stores
        stores.stop()


@pytest.fixture(scope="module")
def redis_url(stores: Stores) -> str:
    """Of a Redis that is these tests' alone."""
    return stores.start_redis()


@pytest.fixture(scope="module")
def kept(redis_url: str) -> Iterator[redis.Redis]:
    """What is in it."""
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def wire(redis_url: str) -> Iterator[Proxy]:
    """A way to it that can be slow."""
    with proxied(("127.0.0.1", urlsplit(redis_url).port or 0)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, postgres_redis: PostgresRedis, wire: Proxy, model: ModelServer
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("redis")
    with postgres_redis.fresh(folder) as backend:
        made = Installation(
            folder,
            database_url=backend.database_url,
            redis_url="redis://{}:{}".format(*wire.address),
            model_url=model.url,
        )
        made.variables |= {"CSAI_RATE_LIMIT_CLIENT": "5000", "CSAI_RATE_LIMIT_VISITOR": str(PER_MINUTE)}
        yield made


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Running]:
    with installation.serving() as server:
        yield server


@pytest.fixture(scope="module")
def hasty(installation: Installation) -> Iterator[Running]:
    """A server that waits no longer for Redis than by itself."""
    with installation.serving(CSAI_REDIS_TIMEOUT_S="0.5") as server:
        yield server


@pytest.fixture
def server(running: Running, installation: Installation, model: ModelServer, kept: redis.Redis) -> Running:
    """One that uses Redis, whatever the test before has done to it."""
    until_used(kept, Shop(installation, running, model))
    return running


@pytest.fixture
def shop(installation: Installation, server: Running, model: ModelServer) -> Shop:
    return Shop(installation, server, model)


@pytest.fixture
def hasty_shop(hasty: Running, installation: Installation, model: ModelServer, kept: redis.Redis) -> Shop:
    until_used(kept, Shop(installation, hasty, model))
    return Shop(installation, hasty, model)


def until_used(kept: redis.Redis, shop: Shop) -> list[Talk]:
    """Chat until Redis counts and caches; the conversations."""
    kept.flushall()
    talks: list[Talk] = []

    def chat() -> None:
        talks.append(shop.talk(f"calling {len(talks)} times"))
        talks[-1].go_on()

    until(lambda: kinds(kept) >= {"rate_limit", "conversation"}, chat)
    return talks


def kinds(kept: redis.Redis) -> set[str]:
    return {key.decode().split(":")[0].split("/")[0] for key in kept.scan_iter()}


def flush(kept: redis.Redis) -> None:
    """Take all of it, of which there must have been something."""
    assert kinds(kept)
    kept.flushall()


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_redis_that_is_not_there_at_start_is_done_without_and_used_once_it_comes(
    installation: Installation, stores: Stores, redis_url: str, kept: redis.Redis, model: ModelServer
) -> None:
    stores.end("redis")
    with installation.serving(CSAI_REDIS_URL=redis_url) as server:
        shop = Shop(installation, server, model)
        ready = server.ready()
        assert (ready.status_code, ready.json()["degraded"]) == (200, ["redis"])
        talk = shop.talk("early")
        for _ in range(TURNS):
            talk.go_on()
        server.program.err.until("redis does not answer, limiting rates in this process alone")

        stores.begin("redis")

        assert server.ready().json()["degraded"] == []
        late = until_used(kept, shop)
        server.program.err.until("redis answers again, limiting rates together")
    talk.check_context()
    shop.check_books(turns=TURNS + len(late))


def test_redis_killed_while_models_speak_changes_no_turn(
    shop: Shop, server: Running, stores: Stores, kept: redis.Redis, model: ModelServer
) -> None:
    keys = [str(uuid4()) for _ in range(VISITORS)]
    talks = [shop.talk(f"visitor {number}") for number in range(VISITORS)]
    for talk in talks:
        talk.go_on()
    with ThreadPoolExecutor(VISITORS) as pool:
        model.hold()
        answers = [pool.submit(talk.go_on, key) for talk, key in zip(talks, keys, strict=True)]
        model.asked(2 * VISITORS)
        stores.end("redis")
        model.release()
        outcomes = [answer.result(PATIENCE_S) for answer in answers]

    assert server.ready().json()["degraded"] == ["redis"]
    assert [talk.repeat(1, key) for talk, key in zip(talks, keys, strict=True)] == outcomes
    for talk in talks:
        talk.go_on()
        talk.go_on()
    stores.begin("redis")
    late = until_used(kept, shop)
    for talk in talks:
        talk.go_on()
        talk.check_context()
    shop.check_books(turns=5 * VISITORS + len(late))


def test_a_hung_redis_is_waited_for_once_and_not_by_every_message(
    hasty_shop: Shop, hasty: Running, stores: Stores
) -> None:
    talks = [hasty_shop.talk(f"patient {number}") for number in range(2)]

    def chat() -> None:
        for talk in talks:
            for _ in range(TURNS):
                talk.go_on()

    usual_s = timed(chat)
    with stores.paused("redis"):
        assert hasty.ready().json()["degraded"] == ["redis"]
        assert timed(chat) < usual_s + LOST_S
    assert hasty.ready().json()["degraded"] == []
    for talk in talks:
        talk.go_on()
        talk.check_context()
    hasty_shop.check_books(turns=len(talks) * (2 * TURNS + 1))


@pytest.mark.parametrize("delay_s", [0.1, 0.7], ids=["in time", "too late"])
def test_answers_of_a_slow_redis_are_never_taken_for_others(
    hasty_shop: Shop, wire: Proxy, delay_s: float
) -> None:
    talks = [hasty_shop.talk(f"visitor {number}") for number in range(VISITORS)]
    with ThreadPoolExecutor(VISITORS) as pool:
        list(pool.map(Talk.go_on, talks))
        wire.delay_s = delay_s
        try:
            for _ in range(3):
                list(pool.map(Talk.go_on, talks))
        finally:
            wire.delay_s = 0.0
        list(pool.map(Talk.go_on, talks))
    for talk in talks:
        talk.check_context()
    hasty_shop.check_books(turns=5 * VISITORS)


def test_an_emptied_redis_loses_neither_order_nor_context_nor_replays(
    shop: Shop, installation: Installation, kept: redis.Redis, model: ModelServer
) -> None:
    keys = [str(uuid4()) for _ in range(3)]
    talk = shop.talk("flushed")
    outcomes = [talk.go_on(keys[0])]
    flush(kept)
    with ThreadPoolExecutor(2) as pool:
        model.hold()
        running = pool.submit(talk.go_on, keys[1])
        model.asked(2)
        waiting = pool.submit(talk.go_on, keys[2])
        until(lambda: installation.query("SELECT count(*) FROM waiting_turns") == [(1,)])
        flush(kept)
        model.release()
        outcomes += [running.result(PATIENCE_S), waiting.result(PATIENCE_S)]
    flush(kept)
    talk.go_on()
    flush(kept)
    assert [talk.repeat(number, key) for number, key in enumerate(keys)] == outcomes
    talk.check_context()
    shop.check_books(turns=4)


def test_an_emptied_redis_begins_rates_anew_and_forgets_cached_answers(
    shop: Shop, kept: redis.Redis, model: ModelServer
) -> None:
    def statuses() -> list[int]:
        return [shop.say("Hi", user_identifier="Ann").status_code for _ in range(PER_MINUTE + 1)]

    assert statuses() == [200] * PER_MINUTE + [429]
    asked = len(model.requests)
    assert [shop.say("Hello").status_code for _ in range(2)] == [200, 200]
    assert len(model.requests) == asked + 1

    flush(kept)

    assert statuses() == [200] * PER_MINUTE + [429]
    asked = len(model.requests)
    assert [shop.say("Hello").status_code for _ in range(2)] == [200, 200]
    assert len(model.requests) == asked + 1
    shop.check_books(turns=2 * PER_MINUTE + 4)
