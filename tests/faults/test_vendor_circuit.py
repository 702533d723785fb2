"""A vendor that fails is left alone by every process and told of once; a client's own account by itself."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from tests.faults.vendor_replicas import (
    Installation,
    Replica,
    installation,
    is_asked,
    is_left_alone,
    say,
    until,
    worded,
)

__all__ = ["installation"]


@pytest.fixture(scope="module")
def pair(installation: Installation) -> tuple[Replica, Replica]:
    """Two processes with breakers, the second of which would never open a circuit by itself."""
    variables = {
        "CSAI_CIRCUIT_OPEN_S": "4",
        "CSAI_MODEL_RETRIES": "0",
        "CSAI_ALERT_URL": f"{installation.vendors.url}/alerts",
    }

    async def start() -> tuple[Replica, Replica]:
        return await asyncio.gather(
            installation.start("circuit", CSAI_CIRCUIT_FAILURES="3", **variables),
            installation.start("circuit", CSAI_CIRCUIT_FAILURES="1000000", **variables),
        )

    return asyncio.run(start())


async def test_a_circuit_opens_for_every_process_is_told_once_and_closes_for_every_process(
    installation: Installation, pair: tuple[Replica, Replica]
) -> None:
    vendors, openai = installation.vendors, "openai/circuit"
    first, second = pair
    client = await installation.add_client()
    secret = "my secret words"
    await say(second, client, worded("hello"))
    assert len(vendors.asked(openai)) == 1

    vendors.is_down[openai] = True
    for _ in range(4):
        await say(first, client, worded(secret))
    assert len(vendors.asked(openai)) == 4

    (alert,) = vendors.wait_for_alerts(1)
    assert (alert["alert"], alert["provider"], alert["error"], alert["client_id"]) == (
        "provider.circuit_opened",
        "openai",
        "ProviderUnavailable",
        None,
    )
    assert secret not in json.dumps(alert)
    line = json.loads(await asyncio.to_thread(first.program.err.until, "provider.circuit_opened"))
    assert (line["level"], line["event"]) == ("error", "operator alert")

    await until(partial(is_left_alone, second, client, vendors, openai))

    vendors.is_down[openai] = False
    for replica in pair:
        await until(partial(is_asked, replica, client, vendors, openai))
    assert len(vendors.alerts) == 1


async def test_a_client_s_own_account_opens_no_circuit_but_its_own(
    installation: Installation, pair: tuple[Replica, Replica]
) -> None:
    vendors, (replica, _) = installation.vendors, pair
    own = await installation.add_client(own_url=f"{vendors.url}/own/v1")
    other = await installation.add_client()
    vendors.is_down["openai/own"] = True

    for _ in range(5):
        assert (await say(replica, own, worded("hello")))["status"] == "completed"

    assert len(vendors.asked("openai/own")) == 3
    assert await is_asked(replica, other, vendors, "openai/circuit")
