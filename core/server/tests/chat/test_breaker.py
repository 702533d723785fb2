"""A vendor that keeps failing is left alone, and whose circuit opens is whose account it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from csai.chat.breaker import Breaker, Circuit, circuit_of
from csai.chat.circuit import KEY, SharedCircuits, connect
from csai.kit.alert import Alerts
from csai.kit.clock import SystemClock
from csai.plugins.answering import ChosenProvider
from csai_sdk import (
    PluginSettings,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from csai_testkit.context import make_context
from csai_testkit.scripted import ScriptedProvider
from pydantic import Field, SecretStr
from redis.asyncio import Redis

from tests.support.backend import Backend, PostgresRedis

VENDOR = Circuit(None, "vendor")
DOWN = ProviderUnavailable("down", status=503)


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Raised(Alerts):
    """Keeps what was raised."""

    def __init__(self) -> None:
        super().__init__(url="", http=None, clock=SystemClock())  # type: ignore[arg-type]  # sends nothing
        self.raised: list[dict[str, object]] = []

    def raise_alert(self, name: str, **fields: str | float | None) -> None:
        self.raised.append({"alert": name, **fields})


class Process:
    """The breaker of one of several processes."""

    def __init__(self, redis_url: str | None, **options: float) -> None:
        self.time = Time()
        self.alerts = Raised()
        self.shared = connect(redis_url or "", timeout_s=10)
        self.breaker = Breaker(
            alerts=self.alerts,
            shared=self.shared,
            now=self.time,
            **{"failures": 3, "open_s": 30} | options,  # type: ignore[arg-type]  # both are numbers
        )

    async def fail(self, turn: str, error: ProviderError = DOWN, circuit: Circuit = VENDOR) -> None:
        admission = await self.breaker.admit(circuit)
        assert admission is not None
        await self.breaker.failed(circuit, admission, error, turn_id=turn)

    async def open(self, circuit: Circuit = VENDOR) -> None:
        for turn in ("a", "b", "c"):
            await self.fail(turn, circuit=circuit)

    async def answer(self, circuit: Circuit = VENDOR) -> None:
        admission = await self.breaker.admit(circuit)
        assert admission is not None
        await self.breaker.answered(circuit, admission)

    async def look(self) -> None:
        self.time.now += 1
        await self.breaker.look()


MakeProcess = Callable[..., Process]


@pytest.fixture
async def make_process(backend: Backend) -> AsyncIterator[MakeProcess]:
    """Makes processes that share Redis, where there is one; `redis_url` chooses another or none."""
    async with AsyncExitStack() as stack:

        def make(redis_url: str | None = backend.redis_url, **options: float) -> Process:
            process = Process(redis_url, **options)
            stack.push_async_callback(process.breaker.aclose)
            return process

        yield make


@pytest.fixture
def redis_url(postgres_redis: PostgresRedis, tmp_path: Path) -> Iterator[str]:
    with postgres_redis.fresh(tmp_path) as backend:
        yield str(backend.redis_url)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that share Redis."""
    both = Process(redis_url), Process(redis_url)
    yield both
    for process in both:
        await process.breaker.aclose()


async def test_a_vendor_that_fails_turn_after_turn_is_left_alone_and_one_alert_raised(
    make_process: MakeProcess,
) -> None:
    process = make_process()

    await process.open()

    assert await process.breaker.admit(VENDOR) is None
    assert await process.breaker.admit(Circuit(None, "other")) == "normal"
    assert process.alerts.raised == [
        {
            "alert": "provider.circuit_opened",
            "provider": "vendor",
            "client_id": None,
            "error": "ProviderUnavailable",
            "status": 503,
            "tried_again_after_s": 30,
        }
    ]


async def test_the_tries_of_one_turn_count_once_and_an_answer_starts_the_count_anew(
    make_process: MakeProcess,
) -> None:
    process = make_process()
    for _ in range(5):
        await process.fail("a")
    await process.fail("b")

    await process.answer()
    await process.fail("c")
    await process.fail("d")

    assert await process.breaker.admit(VENDOR) == "normal"


async def test_after_its_time_one_turn_tries_and_its_answer_closes_the_circuit(
    make_process: MakeProcess,
) -> None:
    process = make_process(None)
    await process.open()
    process.time.now += 30

    assert await process.breaker.admit(VENDOR) == "trial"
    assert await process.breaker.admit(VENDOR) is None
    await process.breaker.answered(VENDOR, "trial")

    assert await process.breaker.admit(VENDOR) == "normal"


async def test_a_trial_that_fails_or_is_never_told_of_holds_the_circuit_and_raises_no_second_alert(
    make_process: MakeProcess,
) -> None:
    process = make_process(None)
    await process.open()
    process.time.now += 30
    await process.fail("trial")
    assert await process.breaker.admit(VENDOR) is None
    process.time.now += 30

    assert await process.breaker.admit(VENDOR) == "trial"
    process.time.now += 30
    assert await process.breaker.admit(VENDOR) == "trial"
    assert len(process.alerts.raised) == 1


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (ProviderQuotaExceeded("spent", status=429), True),
        (ProviderAuthError("wrong key", status=401), True),
        # A client may have chosen a model that the installation's key must not use.
        (ProviderAuthError("not this model", status=403), False),
        (ProviderRequestError("no such model", status=404), False),
        (ProviderRateLimited("slower", status=429), False),
        (ProviderProtocolError("the plugin raised", retryable=False), False),
    ],
)
async def test_an_account_that_is_shut_opens_the_circuit_at_once_and_a_bad_request_never(
    make_process: MakeProcess, error: ProviderError, opens: bool
) -> None:
    process = make_process()

    await process.fail("a", error)

    assert (await process.breaker.admit(VENDOR) is None) == opens
    if not error.retryable and not opens:
        for turn in "bcdef":
            await process.fail(turn, error)
        assert await process.breaker.admit(VENDOR) == "normal"


async def test_a_refusal_of_the_request_shows_on_trial_that_the_vendor_is_back(
    make_process: MakeProcess,
) -> None:
    process = make_process(None)
    await process.open()
    process.time.now += 30

    await process.fail("trial", ProviderRequestError("no such model", status=404))

    assert await process.breaker.admit(VENDOR) == "normal"


async def test_a_breaker_can_be_switched_off(make_process: MakeProcess) -> None:
    process = make_process(failures=0)

    await process.open()
    await process.fail("d", ProviderQuotaExceeded("spent"))

    assert await process.breaker.admit(VENDOR) == "normal"


async def test_what_one_process_opens_and_closes_the_others_see(
    two: tuple[Process, Process], redis: Redis
) -> None:
    first, second = two
    await first.open()
    assert await second.breaker.admit(VENDOR) == "normal"

    await second.look()
    assert await second.breaker.admit(VENDOR) is None

    await redis.zadd(KEY, {VENDOR.name: await _redis_ms(redis) - 1})  # its time is over
    await first.look()
    await second.look()
    assert await second.breaker.admit(VENDOR) == "trial"
    assert await first.breaker.admit(VENDOR) is None

    await second.breaker.answered(VENDOR, "trial")
    assert await redis.zcard(KEY) == 0
    await first.look()
    assert await first.breaker.admit(VENDOR) == "normal"
    assert len(first.alerts.raised) == 1
    assert second.alerts.raised == []


async def test_processes_that_open_a_circuit_together_raise_one_alert(two: tuple[Process, Process]) -> None:
    first, second = two

    await first.open()
    await second.open()

    assert len(first.alerts.raised) + len(second.alerts.raised) == 1


async def test_an_empty_redis_closes_circuits_and_harms_nothing(
    two: tuple[Process, Process], redis: Redis
) -> None:
    first, _ = two
    await first.open()

    await redis.flushdb()
    await first.look()

    assert await first.breaker.admit(VENDOR) == "normal"


async def test_without_redis_each_process_minds_its_own_circuits(make_process: MakeProcess) -> None:
    process = make_process("redis://127.0.0.1:1/0")

    await process.open()
    await process.look()
    assert await process.breaker.admit(VENDOR) is None
    process.time.now += 30
    assert await process.breaker.admit(VENDOR) == "trial"
    await process.breaker.answered(VENDOR, "trial")

    assert await process.breaker.admit(VENDOR) == "normal"
    assert len(process.alerts.raised) == 1


async def test_redis_is_asked_nothing_while_vendors_answer() -> None:
    untouched = AsyncMock(spec=SharedCircuits)
    breaker = Breaker(failures=3, open_s=30, alerts=Raised(), shared=untouched)

    for _ in range(50):
        assert await breaker.admit(VENDOR) == "normal"
        await breaker.answered(VENDOR, "normal")
    await breaker.failed(VENDOR, "normal", DOWN, turn_id="a")

    assert untouched.method_calls == []


async def _redis_ms(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds * 1000 + micros / 1000)


class Settings(PluginSettings):
    token: SecretStr | None = None
    base_url: str = Field("https://vendor.example", json_schema_extra={"url": True})
    project: str = Field("", json_schema_extra={"env": "VENDOR_PROJECT"})
    model: str = ""


@pytest.mark.parametrize(
    ("own", "owner"),
    [
        ({}, None),
        ({"model": "big"}, None),
        ({"token": "t"}, "client-1"),
        ({"base_url": "https://own.example"}, "client-1"),
        ({"project": "p", "model": "big"}, "client-1"),
    ],
)
def test_a_client_with_an_account_of_its_own_has_a_circuit_of_its_own(
    own: dict[str, str], owner: str | None
) -> None:
    context = make_context(Settings(**own), client_id="client-1", client_set=own)

    circuit = circuit_of(ChosenProvider(ScriptedProvider(id="vendor"), context, "m"))

    assert circuit == Circuit(owner, "vendor")
