"""What was read a moment ago is given again, to the same client, for the same question, until it is over."""

from __future__ import annotations

import json
from typing import Any

from csai.models import Base
from csai_sdk import IntegrationError
from csai_testkit.context import FakeClock
from sqlalchemy import select

from core.server.tests.integrations.test_integrations import with_systems
from tests.support.operator import Operator
from tests.support.server import ServerFactory
from tests.support.systems import Connected, Systems, connect, passing


async def read(
    operator: Operator, connected: Connected, order: str = "ORD-1", tool: str = "orders"
) -> dict[str, Any]:
    """What a model would be told; a number of its own tells each answer of the system apart."""
    client_path = connected.path.partition("/integrations")[0]
    body = {"arguments": {"order_id": order}}
    answer = await operator.ask("POST", f"{client_path}/tools/{tool}/test", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def number(*given: Any, **more: Any) -> int:
    return int(json.loads((await read(*given, **more))["response"])["number"])


async def ready(
    make_server: ServerFactory, clock: FakeClock | None = None, **body: Any
) -> tuple[Operator, Connected, Systems]:
    _, operator, systems, _ = await with_systems(make_server, clock=clock)
    connected = await connect(operator, place="Valparaiso")
    await connected.endpoint(**body)
    await connected.offer()
    return operator, connected, systems


async def test_the_same_question_is_answered_again_and_another_is_not(make_server: ServerFactory) -> None:
    operator, connected, _ = await ready(make_server)

    assert [await number(operator, connected) for _ in range(3)] == [1, 1, 1]
    assert await number(operator, connected, "ORD-2") == 2


async def test_a_change_of_the_connection_or_the_endpoint_is_seen_at_once(make_server: ServerFactory) -> None:
    operator, connected, _ = await ready(make_server)
    first = await number(operator, connected)

    await operator.change(connected.path, {"settings": {"place": "Reykjavik"}})
    second = json.loads((await read(operator, connected))["response"])
    body = {"description": "Another.", "parameters_schema": {"type": "object"}}
    await operator.ask("PUT", f"{connected.path}/endpoints/orders", json=body, headers={"If-Match": "*"})
    third = await number(operator, connected)

    assert (first, second["number"], second["place"], third) == (1, 2, "Reykjavik", 3)


async def test_nothing_is_kept_where_the_endpoint_says_so(make_server: ServerFactory) -> None:
    operator, connected, _ = await ready(make_server, cache_s=0)

    assert [await number(operator, connected) for _ in range(2)] == [1, 2]


async def test_a_failure_is_not_kept(make_server: ServerFactory) -> None:
    operator, connected, systems = await ready(make_server)
    systems.failures = [passing(), IntegrationError("No such order.")]

    said = [await read(operator, connected) for _ in range(3)]

    assert [each["status"] for each in said] == ["failed", "failed", "succeeded"]
    assert said[1]["response"] == "No such order."


async def test_two_clients_never_share_what_is_cached(make_server: ServerFactory) -> None:
    operator, first, _ = await ready(make_server)
    other = await operator.server.add_client()
    second = await connect(operator, of_client=other.id, place="Valparaiso")
    await second.endpoint()
    await second.offer()

    assert [await number(operator, each) for each in (first, second, first)] == [1, 2, 1]


async def test_two_connections_of_one_client_never_share_what_is_cached(make_server: ServerFactory) -> None:
    operator, first, _ = await ready(make_server)
    second = await connect(operator, name="Second", place="Valparaiso")
    await second.endpoint()
    await second.offer(tool_name="orders_there")

    assert await number(operator, first) == 1
    assert await number(operator, second, tool="orders_there") == 2


async def test_what_was_read_is_stored_nowhere(make_server: ServerFactory) -> None:
    operator, connected, _ = await ready(make_server)
    await read(operator, connected, "ORD-canary")

    async with operator.server.services.database.read() as connection:
        for table in Base.metadata.sorted_tables:
            stored = (await connection.execute(select(table))).mappings().all()
            assert "ORD-canary" not in repr(stored), table.name
