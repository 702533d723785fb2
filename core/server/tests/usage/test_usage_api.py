"""What models cost is told by provider, model, day and client, and is what the ledger has."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.models import LedgerEntry

from tests.support.operator import Operator, sign_in
from tests.support.server import Server

DAY = datetime.now(UTC).date() - timedelta(days=2)


async def book(
    server: Server,
    client_id: str,
    model: str = "red/a",
    *,
    day: date = DAY,
    cost: int = 1_000,
    tokens: int = 100,
    **more: Any,
) -> None:
    provider, _, name = model.partition("/")
    row = {
        "id": new_id(),
        "client_id": client_id,
        "turn_id": new_id(),
        "attempt": 1,
        "provider": provider,
        "model": name,
        "tokens_input": tokens,
        "tokens_output": 10,
        "tokens_cache_read": 40,
        "tokens_cache_write": 0,
        "cost_micros": cost,
        "saved_micros": 5,
        "price": {"input": "1", "output": "1", "source": "own"},
        "is_estimated": False,
        "is_embedding": False,
        "period": f"{day:%Y-%m}",
        "day": day,
        "created_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
    }
    await server.insert(LedgerEntry, **row | more)


@pytest.fixture
async def operator(echo_server: Server) -> Operator:
    return await sign_in(echo_server)


def path_of(server: Server, what: str = "") -> str:
    return f"/admin/clients/{server.client.id}/usage{what}"


async def test_cost_is_told_by_provider_and_model_the_dearest_first(
    echo_server: Server, operator: Operator
) -> None:
    own = echo_server.client.id
    other = await echo_server.add_client(name="Other")
    await book(echo_server, own)
    await book(echo_server, own, "blue/x", cost=5_000, is_estimated=True)
    await book(echo_server, own, "red/b", cost=0, price=None)
    await book(echo_server, other.id, cost=9_000_000)
    await book(echo_server, own, day=DAY - timedelta(days=90))
    found = await operator.get(path_of(echo_server))
    assert [each["provider"] for each in found["providers"]] == ["blue", "red"]
    assert [each["model"] for each in found["providers"][1]["models"]] == ["a", "b"]
    assert Decimal(found["total"]["cost"]) == Decimal("0.006")
    assert {name: found["total"][name] for name in ("calls", "tokens_input", "tokens_cache_read")} == {
        "calls": 3,
        "tokens_input": 300,
        "tokens_cache_read": 120,
    }
    assert (found["total"]["estimated_calls"], found["total"]["unpriced_calls"]) == (1, 1)
    assert Decimal(found["total"]["saved"]) == Decimal("0.000015")


async def test_a_call_that_was_taken_back_is_no_call(echo_server: Server, operator: Operator) -> None:
    await book(echo_server, echo_server.client.id, is_estimated=True)
    taken_back: dict[str, Any] = {"tokens_output": -10, "tokens_cache_read": -40, "saved_micros": -5}
    await book(echo_server, echo_server.client.id, cost=-1_000, tokens=-100, is_estimated=True, **taken_back)
    await book(echo_server, echo_server.client.id, cost=700)
    total = (await operator.get(path_of(echo_server)))["total"]
    assert (total["calls"], total["estimated_calls"], total["tokens_input"]) == (1, 0, 100)
    assert Decimal(total["cost"]) == Decimal("0.0007")


async def test_days_are_told_one_by_one_and_as_csv_without_formulas(
    echo_server: Server, operator: Operator
) -> None:
    own, before = echo_server.client.id, DAY - timedelta(days=1)
    await book(echo_server, own, day=before, cost=1)
    await book(echo_server, own, "red/=1+1", cost=2)
    query = {"first": before.isoformat(), "last": DAY.isoformat()}
    history = await operator.get(path_of(echo_server, "/history"), **query)
    assert [(day["date"], Decimal(day["total"]["cost"])) for day in history["days"]] == [
        (before.isoformat(), Decimal("0.000001")),
        (DAY.isoformat(), Decimal("0.000002")),
    ]
    exported = await operator.ask("GET", path_of(echo_server, "/export"), params=query)
    assert exported.headers["content-type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(exported.text)))
    assert [line["model"] for line in lines] == ["a", "'=1+1"]
    assert [Decimal(line["cost"]) for line in lines] == [Decimal("0.000001"), Decimal("0.000002")]


async def test_the_installation_is_told_of_all_clients(echo_server: Server, operator: Operator) -> None:
    other = await echo_server.add_client(name="Other")
    await book(echo_server, echo_server.client.id, cost=1)
    await book(echo_server, other.id, cost=2)
    await book(echo_server, other.id, "blue/x", cost=5)
    found = await operator.get("/admin/usage/providers")
    assert [(each["provider"], each["models"][0]["clients"]) for each in found["providers"]] == [
        ("blue", 1),
        ("red", 2),
    ]
    assert [each["name"] for each in found["clients"]] == ["Other", "Shop"]
    assert Decimal(found["total"]["cost"]) == Decimal("0.000008")


async def test_what_a_turn_books_is_told_at_once(echo_server: Server, operator: Operator) -> None:
    await echo_server.say("Hi")
    (model,) = (await operator.get(path_of(echo_server)))["providers"][0]["models"]
    assert (model["provider"], model["model"], model["calls"]) == ("scripted", "scripted-1", 1)


@pytest.mark.parametrize("what", ["", "/history", "/export"])
async def test_a_period_that_cannot_be_and_an_unknown_client_are_refused(
    echo_server: Server, operator: Operator, what: str
) -> None:
    path = path_of(echo_server, what)
    backwards = await operator.ask("GET", path, params={"first": "2026-02-02", "last": "2026-02-01"})
    long = await operator.ask("GET", path, params={"first": "2020-01-01", "last": "2026-02-01"})
    assert (backwards.status_code, long.status_code) == (422, 422)
    assert backwards.json()["code"] == "span_invalid"
    unknown = path.replace(echo_server.client.id, "01890000-0000-7000-8000-000000000000")
    assert (await operator.ask("GET", unknown)).status_code == 404


async def test_thirty_days_before_the_first_of_all_are_those_that_there_were(
    echo_server: Server, operator: Operator
) -> None:
    found = await operator.get("/admin/usage/providers", last="0001-01-02")
    assert (found["first"], found["last"]) == ("0001-01-01", "0001-01-02")
