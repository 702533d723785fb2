"""Server processes that ask vendors of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.clients.repository import ClientRepository
from csai.clients.service import NewClient, create_client
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.models import Plan
from sqlalchemy import insert, select

from tests.support.backend import Backend, PostgresRedis
from tests.support.program import Program, running
from tests.support.tables import Tables
from tests.support.vendor import Vendors
from tests.support.waiting import PATIENCE_S

SECRET = "0123456789abcdef0123456789abcdef"
OUTPUT_CAP = 2_048
PLENTY = dict.fromkeys(("conversations", "messages", "tokens", "cost"), 1_000_000_000)
NUMBERS = count()


@dataclass
class Replica:
    program: Program
    url: str


class Installation(Tables):
    """Server processes over one database, and what it holds."""

    def __init__(self, backend: Backend, vendors: Vendors, folder: Path, processes: ExitStack) -> None:
        super().__init__(backend)
        self.vendors = vendors
        self._folder, self._processes = folder, processes

    async def start(self, account: str = "shared", **variables: str) -> Replica:
        """A server process whose own keys are those of an account."""
        program = self._processes.enter_context(
            running(*("serve", "--port", "0"), cwd=self._folder, **self._environment(account) | variables)
        )
        line = await asyncio.to_thread(program.err.until, '"serving"')
        return Replica(program, json.loads(line)["url"])

    async def add_client(
        self, first: str = "openai", second: str = "claude", *, own_url: str = ""
    ) -> NewClient:
        """A business that asks one provider first, at an address of its own where one is given."""
        now, keyring = SystemClock().now(), Keyring((SECRET,))
        async with self.database() as database, database.write() as transaction:
            if "vendor" not in (await transaction.execute(select(Plan.name))).scalars().all():
                await transaction.execute(
                    insert(Plan).values(
                        name="vendor", title="", limits=PLENTY, features={}, limit_message="", created_at=now
                    )
                )
            client = await create_client(
                transaction, name="Shop", origins=[], plan_type="vendor", keyring=keyring, clock=SystemClock()
            )
            repository = ClientRepository(transaction, client.id)
            await repository.update_settings({"provider": first, "fallback_providers": [second]})
            if own_url:
                await repository.set_plugin(
                    first, enabled=True, settings={"base_url": own_url}, secrets=None, now=now
                )
        return client

    def _environment(self, account: str) -> dict[str, str]:
        return {
            "CSAI_DATABASE_URL": self._backend.database_url,
            "CSAI_REDIS_URL": str(self._backend.redis_url),
            "CSAI_SECRET_KEYS": SECRET,
            "CSAI_PLUGINS": "openai,claude",
            "OPENAI_API_KEY": "test",
            "OPENAI_BASE_URL": f"{self.vendors.url}/{account}/v1",
            "ANTHROPIC_API_KEY": "test",
            "ANTHROPIC_BASE_URL": f"{self.vendors.url}/{account}",
            "CSAI_EGRESS_ALLOW": "127.0.0.0/8",
            "CSAI_RATE_LIMIT_CLIENT": "0",
            "CSAI_RATE_LIMIT_VISITOR": "0",
            "CSAI_MAX_OUTPUT_TOKENS": str(OUTPUT_CAP),
            "CSAI_CIRCUIT_FAILURES": "0",
        }


@pytest.fixture(scope="module")
def installation(
    postgres_redis: PostgresRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation without a process yet, and the vendors that it asks."""
    folder = tmp_path_factory.mktemp("installation")
    with Vendors().serving() as vendors, postgres_redis.fresh(folder) as backend, ExitStack() as processes:
        yield Installation(backend, vendors, folder, processes)


def worded(script: str) -> str:
    """A message that nobody has sent yet."""
    return f"{script} #{next(NUMBERS)}"


async def say(replica: Replica, client: NewClient, question: str) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        response = await http.post(
            f"{replica.url}/chat/message",
            headers={"X-API-Key": client.secret_key},
            json={"message": question},
        )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def is_left_alone(replica: Replica, client: NewClient, vendors: Vendors, vendor: str) -> bool:
    question = worded("hello")
    await say(replica, client, question)
    return not vendors.asked(vendor, question)


async def is_asked(replica: Replica, client: NewClient, vendors: Vendors, vendor: str) -> bool:
    return not await is_left_alone(replica, client, vendors, vendor)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not await is_so():  # each look is a whole turn, which is pause enough
            pass
