"""A plan's limits under a rush: three hundred at once find room for a hundred, and a hundred get in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.backend import PostgresRedis
from tests.support.installation import Installation, Running
from tests.support.model_server import ModelServer, model_server, tool_call
from tests.support.waiting import PATIENCE_S

RUSH = 300
ROOM = 100
TRIES = 10
# None of these is what a busy machine should run into here.
UNHURRIED = {
    "CSAI_TURN_DEADLINE_S": "600",
    "CSAI_FIRST_TOKEN_TIMEOUT_S": "300",
    "CSAI_DATABASE_TIMEOUT_S": "120",
}


@dataclass(frozen=True)
class Site:
    """Two server processes behind one port."""

    installation: Installation
    model: ModelServer
    server: Running

    async def ask(self, key: str, numbers: Sequence[int]) -> list[Any]:
        """Ask so many questions at once; the answers' bodies."""
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=self.server.url, timeout=PATIENCE_S, limits=limits) as http:
            return await asyncio.gather(*(self._ask(http, key, number) for number in numbers))

    async def _ask(self, http: httpx.AsyncClient, key: str, number: int) -> Any:
        """Until it is accepted or refused for good: a rush on a busy machine may find the database taken."""
        headers = {"X-API-Key": key, "Idempotency-Key": str(uuid4())}
        for _ in range(TRIES):
            answer = await http.post(
                "/chat/message", json={"message": f"Question {number:04}"}, headers=headers
            )
            if answer.status_code != 503:
                break
            await asyncio.sleep(int(answer.headers["retry-after"]))
        return answer.json()


@pytest.fixture(scope="module")
def site(postgres_redis: PostgresRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("budgets")
    with postgres_redis.fresh(folder) as backend, model_server() as model:
        installation = Installation(
            folder,
            database_url=backend.database_url,
            redis_url=backend.redis_url or "",
            model_url=model.url,
        )
        with installation.serving("--workers", "2", **UNHURRIED) as server:
            yield Site(installation, model, server)


@pytest.fixture(autouse=True)
def plain_answers(site: Site) -> Iterator[None]:
    site.model.requests.clear()
    yield
    site.model.release()
    site.model.script = ModelServer.HELLO


@pytest.mark.parametrize("metric", ["messages", "conversations"])
async def test_messages_and_conversations_are_let_in_to_the_last_one(site: Site, metric: str) -> None:
    client_id, key = await asyncio.to_thread(site.installation.create_client, {metric: ROOM})

    answers = await site.ask(key, range(RUSH))

    assert Counter(answer.get("code") or answer["status"] for answer in answers) == {
        "completed": ROOM,
        "limit_reached": RUSH - ROOM,
    }
    assert site.installation.counters(client_id)[metric] == (ROOM, 0)
    stored = "SELECT count(*) FROM turns WHERE client_id = %s"
    assert site.installation.query(stored, client_id) == [(ROOM,)]
    assert site.installation.faults() == []


@pytest.mark.parametrize("metric", ["tokens", "cost"])
async def test_tokens_and_cost_are_set_aside_for_as_many_as_can_be_paid(site: Site, metric: str) -> None:
    bound = await _bound(site, metric)
    limit = ROOM * bound + bound - 1
    client_id, key = await asyncio.to_thread(site.installation.create_client, {metric: limit})
    site.model.requests.clear()
    site.model.hold()

    rush = asyncio.create_task(site.ask(key, range(RUSH)))
    # None may end before all have asked: what it gives back would let another in.
    await asyncio.to_thread(site.model.asked, ROOM)
    blocked = "SELECT count(*) FROM turns WHERE client_id = %s AND status = 'blocked'"
    for _ in range(round(PATIENCE_S * 10)):
        if site.installation.query(blocked, client_id) == [(RUSH - ROOM,)]:
            break
        await asyncio.sleep(0.1)
    assert site.installation.counters(client_id)[metric] == (0, ROOM * bound)
    site.model.release()

    assert Counter(answer["status"] for answer in await rush) == {"completed": ROOM, "blocked": RUSH - ROOM}
    assert len(site.model.requests) == ROOM
    used, reserved = site.installation.counters(client_id)[metric]
    assert 0 < used <= limit
    assert reserved == 0
    assert site.installation.faults() == []


async def test_tool_calls_are_run_to_the_last_one(site: Site) -> None:
    def look_up_first(messages: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        if messages[-1]["role"] == "user":
            return [tool_call("get_order_status", {"order_id": "ORD-1001"})]
        return ModelServer.HELLO(messages)

    site.model.script = look_up_first
    client_id, key = await asyncio.to_thread(
        lambda: site.installation.create_client({"tool_calls": ROOM}, tools={"get_order_status": "demo_shop"})
    )

    answers = await site.ask(key, range(RUSH))

    assert Counter(answer["status"] for answer in answers) == {"completed": RUSH}
    ran = [answer for answer in answers if answer["tool_calls"][0]["success"]]
    assert len(ran) == ROOM
    assert site.installation.counters(client_id)["tool_calls"] == (ROOM, 0)
    assert site.installation.faults() == []


async def _bound(site: Site, metric: str) -> int:
    """What one question sets aside of a metric."""
    client_id, key = await asyncio.to_thread(site.installation.create_client, {metric: 10**12})
    site.model.hold()
    asking = asyncio.create_task(site.ask(key, [9999]))
    await asyncio.to_thread(site.model.asked, 1)
    _used, reserved = site.installation.counters(client_id)[metric]
    site.model.release()
    await asking
    assert reserved > 0
    return reserved
