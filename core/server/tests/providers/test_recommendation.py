"""A client's own traffic is priced with the other models it may use, and what is not known is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import LedgerEntry
from csai_sdk import ModelTraits, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.embedding import VectorProvider
from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

PRICES = {
    "vendor:dear": {"input": "10", "output": "10"},
    "vendor:cheap": {"input": "1", "output": "2", "cache_read": "0.5"},
    "vendor:uncached": {"input": "2", "output": "2"},
    "other:toolless": {"input": "0.1", "output": "0.1"},
}
CLOCK = HandClock()
TODAY = CLOCK.time.date()


@tool()
def look(order: str) -> str:
    """Look."""
    return order


async def serve(make_server: ServerFactory, tools: Sequence[Any] = (), **options: Any) -> Server:
    vendor = ScriptedProvider(["Hi."], id="vendor", traits=ModelTraits(price_provider="vendor"))
    vendor.default_model = "dear"
    other = ScriptedProvider(
        ["Hi."], id="other", traits=ModelTraits(price_provider="other", has_native_tools=False)
    )
    other.default_model = "toolless"
    # Named somewhere, so that the catalog has them.
    chain = ["vendor/dear", "vendor/cheap", "vendor/uncached", "vendor/unpriced"]
    return await make_server(
        vendor,
        other,
        tools=tools,
        client={"settings": {"chain": chain}},
        price_overrides=PRICES,
        clock=CLOCK,
        **options,
    )


async def book(server: Server, *, days_ago: int = 0, **more: Any) -> None:
    day = TODAY - timedelta(days=days_ago)
    row = {
        "id": new_id(),
        "client_id": server.client.id,
        "turn_id": new_id(),
        "attempt": 1,
        "provider": "vendor",
        "model": "dear",
        "tokens_input": 1_000_000,
        "tokens_output": 100_000,
        "tokens_cache_read": 400_000,
        "tokens_cache_write": 0,
        "cost_micros": 11_000_000,
        "saved_micros": 0,
        "price": {"input": "10", "output": "10", "source": "override"},
        "is_estimated": False,
        "is_embedding": False,
        "period": f"{day:%Y-%m}",
        "day": day,
        "created_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
    }
    await server.insert(LedgerEntry, **row | more)


async def told(server: Server, operator: Operator | None = None, **query: Any) -> Any:
    operator = operator or await sign_in(server)
    return await operator.get(f"/admin/clients/{server.client.id}/providers/cheaper", **query)


def names(found: Any) -> list[str]:
    return [f"{each['provider']}/{each['model']}" for each in found["cheaper"]]


async def test_the_clients_own_tokens_are_priced_as_they_were(make_server: ServerFactory) -> None:
    server = await serve(make_server)
    await book(server, days_ago=14)
    await book(server)
    found = await told(server)
    by_name = {each["model"]: each for each in found["cheaper"]}
    # Twice: 0.6 M of plain input, 0.4 M of cached, 0.1 M of output; where cached has no rate, it is input.
    assert Decimal(by_name["cheap"]["cost"]) == 2 * Decimal("1.0")
    assert Decimal(by_name["uncached"]["cost"]) == 2 * Decimal("2.2")
    assert (Decimal(found["cost"]), found["days"], found["calls"]) == (Decimal(22), 15, 2)
    assert Decimal(by_name["cheap"]["saving_per_month"]) == Decimal(40)
    assert by_name["cheap"]["saving_share"] == pytest.approx(20 / 22, abs=1e-4)
    assert "Quality is not measured" in found["statement"]
    assert any("as good" in text for text in by_name["cheap"]["unknown"])
    assert any("cache" in text for text in by_name["cheap"]["unknown"])


async def test_the_greatest_saving_comes_first_and_what_is_not_told_is_counted(
    make_server: ServerFactory,
) -> None:
    server = await serve(make_server)
    await book(server)
    found = await told(server)
    assert names(found) == ["other/toolless", "vendor/cheap", "vendor/uncached"]
    assert found["left_out"]["price_unknown"] >= 1
    assert found["left_out"]["not_cheaper"] == 1
    assert names(
        await told(server, Operator(server, (await sign_in(server, email="b@example.com")).token), count=1)
    ) == ["other/toolless"]


async def test_a_client_with_tools_is_told_of_models_that_call_them(make_server: ServerFactory) -> None:
    server = await serve(make_server, tools=[look])
    await book(server)
    found = await told(server)
    assert found["needs_tools"] is True
    assert names(found) == ["vendor/cheap", "vendor/uncached"]
    assert found["left_out"]["no_tools"] >= 1


async def test_what_the_plan_does_not_allow_is_not_told(make_server: ServerFactory) -> None:
    server = await serve(make_server)
    await book(server)
    operator = await sign_in(server)
    await operator.ask(
        "PUT",
        "/admin/plans/default/providers",
        json={"models": ["vendor/dear", "vendor/uncached"]},
        headers={"If-Match": "*"},
    )
    found = await told(server, operator)
    assert names(found) == ["vendor/uncached"]


async def test_a_model_that_does_not_take_the_longest_call_is_not_told(make_server: ServerFactory) -> None:
    small = ScriptedProvider(["Hi."], id="small", traits=ModelTraits(price_provider="openai"))
    small.default_model = "gpt-4o-mini"
    server = await make_server(small, client={"settings": {"chain": ["small/gpt-4o-mini"]}}, clock=CLOCK)
    await book(server, tokens_input=100_000, tokens_output=10)
    assert "small/gpt-4o-mini" in names(await told(server, count=100))
    await book(server, tokens_input=127_995, tokens_output=10)
    operator = await sign_in(server, email="b@example.com")
    found = await told(server, operator, count=100)
    assert "small/gpt-4o-mini" not in names(found)
    assert found["left_out"]["window_too_small"] >= 1


async def test_a_client_without_traffic_is_told_so(make_server: ServerFactory) -> None:
    server = await serve(make_server)
    await book(server, days_ago=90)
    found = await told(server)
    assert (found["cheaper"], found["calls"]) == ([], 0)
    assert "No model was called" in found["statement"]


async def test_calls_without_a_price_are_said_to_be_missing(make_server: ServerFactory) -> None:
    server = await serve(make_server)
    await book(server)
    await book(server, cost_micros=0, price=None, is_estimated=True)
    found = await told(server)
    assert (found["unpriced_calls"], found["estimated_calls"]) == (1, 1)


async def test_vectors_are_none_of_what_a_model_of_the_chain_would_have_done(
    make_server: ServerFactory,
) -> None:
    server = await serve(make_server)
    await book(server)
    alone = await told(server)
    vectors: dict[str, Any] = {
        "model": "vec",
        "tokens_input": 50_000_000,
        "tokens_output": 0,
        "tokens_cache_read": 0,
    }
    await book(server, **vectors, cost_micros=1_000_000, is_embedding=True)
    found = await told(server, Operator(server, (await sign_in(server, email="b@example.com")).token))
    assert found == alone


async def test_a_model_that_makes_vectors_is_in_the_catalog_and_answers_nobody(
    make_server: ServerFactory,
) -> None:
    vendor = VectorProvider(id="vendor")
    vendor._traits = ModelTraits(price_provider="vendor")
    vendor.default_embedding_model = "text-embedding-x"
    cheap = {"vendor:text-embedding-x": {"input": "0.01", "output": "0"}}
    server = await make_server(vendor, price_overrides=PRICES | cheap, clock=CLOCK)
    await book(server)
    operator = await sign_in(server)
    (model,) = (await operator.get("/admin/models", search="embedding"))["models"]
    assert (model["is_embedding"], model["can_write"], model["price"]["input"]) == (True, False, "0.01")
    assert "vendor/text-embedding-x" not in names(await told(server, operator))


async def test_another_clients_traffic_is_not_looked_at(make_server: ServerFactory) -> None:
    server = await serve(make_server)
    await book(server)
    other = await server.add_client()
    operator = await sign_in(server)
    assert (await operator.get(f"/admin/clients/{other.id}/providers/cheaper"))["calls"] == 0
    unknown = "/admin/clients/01890000-0000-7000-8000-000000000000/providers/cheaper"
    assert (await operator.ask("GET", unknown)).status_code == 404
