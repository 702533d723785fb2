"""Tokens that a client's system gave: kept encrypted, renewed once however many wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from csai.integrations.token import ConnectionTokens
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.models import ClientIntegration
from csai_testkit.context import FakeClock

from tests.support.server import Server, ServerFactory


class Vendor:
    """Gives tokens, each once; counts how often it was asked."""

    def __init__(self) -> None:
        self.given = 0
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.asked = asyncio.Event()
        self.failures: list[Exception] = []

    async def make(self, kept: Mapping[str, Any] | None) -> Mapping[str, Any]:
        self.given += 1
        number = self.given
        self.asked.set()
        await self.is_open.wait()
        if self.failures:
            raise self.failures.pop(0)
        return {"access": f"token-{number}", "after": (kept or {}).get("access")}


async def connected(server: Server, *, clock: FakeClock | None = None, count: int = 1) -> Any:
    """The tokens of one connection, as `count` processes have them."""
    services, integration_id = server.services, new_id()
    await server.insert(
        ClientIntegration,
        id=integration_id,
        client_id=server.client.id,
        integration_type="x",
        name=integration_id,
        created_at=services.clock.now(),
    )
    return [
        ConnectionTokens(
            services.database,
            services.keyring,
            clock or services.clock,
            client_id=server.client.id,
            integration_id=integration_id,
        )
        for _ in range(count)
    ]


async def test_twenty_who_wait_in_two_processes_are_given_one(make_server: ServerFactory) -> None:
    server, vendor = await make_server(), Vendor()
    processes = await connected(server, count=2)

    made = await asyncio.gather(*(processes[n % 2].renew(None, vendor.make) for n in range(20)))
    again = await asyncio.gather(*(processes[n % 2].renew(made[0], vendor.make) for n in range(20)))

    assert {each["access"] for each in made} == {"token-1"}
    assert again == [{"access": "token-2", "after": "token-1"}] * 20
    assert vendor.given == 2


async def test_they_are_encrypted_for_their_owner(make_server: ServerFactory) -> None:
    server, vendor = await make_server(), Vendor()
    (tokens,) = await connected(server)
    version = (await server.rows(ClientIntegration))[0]["revision"]

    await tokens.renew(None, vendor.make)

    (row,) = await server.rows(ClientIntegration)
    assert "token-1" not in str(dict(row))
    owner = f"client:{server.client.id}/integration:{row['id']}"
    assert "token-1" in server.services.keyring.decrypt(row["tokens_encrypted"], owner)
    assert (row["tokens_lease_until"], row["revision"]) == (None, version)
    lost = ConnectionTokens(
        server.services.database,
        Keyring(["another key"]),
        server.services.clock,
        client_id=server.client.id,
        integration_id=row["id"],
    )
    assert await lost.read() is None


async def test_a_caller_that_is_cancelled_loses_no_token(make_server: ServerFactory) -> None:
    server, vendor = await make_server(), Vendor()
    (tokens,) = await connected(server)
    vendor.is_open.clear()
    waiting = asyncio.create_task(tokens.renew(None, vendor.make))
    await vendor.asked.wait()

    waiting.cancel()
    await asyncio.sleep(0)
    vendor.is_open.set()
    await asyncio.wait({waiting})

    assert (await tokens.read())["access"] == "token-1"


async def test_a_failure_reaches_the_caller_and_the_next_may_try(make_server: ServerFactory) -> None:
    server, vendor = await make_server(), Vendor()
    (tokens,) = await connected(server)
    vendor.failures = [RuntimeError("refused")]

    with pytest.raises(RuntimeError, match="refused"):
        await tokens.renew(None, vendor.make)

    assert (await tokens.renew(None, vendor.make))["access"] == "token-2"


async def test_a_process_that_died_holding_the_lease_is_waited_for_no_longer(
    make_server: ServerFactory,
) -> None:
    server, vendor, clock = await make_server(), Vendor(), FakeClock()
    dead, alive = await connected(server, clock=clock, count=2)
    assert await dead._claim()

    waiting = asyncio.create_task(alive.renew(None, vendor.make))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    clock.advance(31)

    assert (await waiting)["access"] == "token-1"
