"""Models and their prices: what admins set, from when on, and what becomes of a price that nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from csai.chat.attempt import input_bytes
from csai.models import AuditEntry, LedgerEntry
from csai_sdk import ModelReply, ModelRequest, ModelTraits, PluginContext, Usage
from csai_testkit.scripted import ScriptedProvider, Step
from structlog.testing import capture_logs

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory

USED = Usage(1_000, 100, 400, 0)


class HandClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class Answering(ScriptedProvider):
    """Uses `USED` with every answer, and calls its model by the name `says`."""

    says = ""

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        async for item in super().stream(request, ctx):
            if isinstance(item, ModelReply):
                item = replace(item, model=self.says or request.model)
            yield item


def provider(
    name: str = "vendor",
    *,
    prices: str | None = "openai",
    model: str = "ours-1",
    says: str = "",
    steps: Sequence[Step] = ("Hello.",),
) -> ScriptedProvider:
    made = Answering(steps, id=name, is_endless=True, usage=USED, traits=ModelTraits(price_provider=prices))
    made.default_model, made.says = model, says
    return made


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def put(operator: Operator, model: str, if_match: str = "*", **body: Any) -> Any:
    return await operator.ask(
        "PUT", f"/admin/models/{model}/price", json=body, headers={"If-Match": if_match}
    )


async def booked(server: Server) -> list[tuple[int, str | None]]:
    rows = await server.rows(LedgerEntry)
    return [(row["cost_micros"], (row["price"] or {}).get("source")) for row in rows]


class TestOwnPrice:
    async def test_it_holds_from_the_next_turn_and_what_is_booked_keeps_its_own(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(provider())
        operator = await sign_in(server)
        await server.say("One")
        changed = await put(operator, "vendor/ours-1", input="2", output="10.5", cache_read="0.25")
        assert changed.status_code == 200, changed.text
        await server.say("Two")
        # 600 x $2 + 400 x $0.25 + 100 x $10.50
        assert await booked(server) == [(0, None), (2_350, "own")]
        (entry,) = await server.rows(AuditEntry, action="model.price_set")
        assert (entry["object"], entry["before"]) == ("model:vendor/ours-1", {"schedule": []})

    async def test_it_wins_over_the_operators_default_which_wins_over_the_published(
        self, make_server: ServerFactory
    ) -> None:
        defaults = {"openai:gpt-4o-mini": {"input": 1, "output": 0, "cache_read": 1}}
        server = await make_server(provider(model="gpt-4o-mini"), price_overrides=defaults)
        operator = await sign_in(server)
        await server.say("One")
        await put(operator, "vendor/gpt-4o-mini", input=3, output=0)
        await server.say("Two")
        assert await booked(server) == [(1_000, "override"), (3_000, "own")]

    async def test_it_holds_for_the_dated_name_that_the_vendor_answers_with(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(provider(model="gpt-4o-mini", says="gpt-4o-mini-2024-07-18"))
        await put(await sign_in(server), "vendor/gpt-4o-mini", input=3, output=0)
        await server.say("One")
        assert await booked(server) == [(3_000, "own")]
        assert [row["model"] for row in await server.rows(LedgerEntry)] == ["gpt-4o-mini-2024-07-18"]

    async def test_it_begins_at_its_moment_and_ends_where_it_is_taken_back(
        self, make_server: ServerFactory, clock: HandClock
    ) -> None:
        server = await make_server(provider(), clock=clock)
        operator = await sign_in(server)
        tomorrow, later = clock.moment + timedelta(days=1), clock.moment + timedelta(days=2)
        await put(operator, "vendor/ours-1", input=1, output=0)
        await put(operator, "vendor/ours-1", input=5, output=0, effective_from=tomorrow.isoformat())
        state = await put(operator, "vendor/ours-1", effective_from=later.isoformat())
        assert [each["input"] for each in state.json()["schedule"]] == ["1.000000", "5.000000", None]
        for moment in (clock.moment, tomorrow, later):
            clock.moment = moment
            await server.say("Hi")
        assert await booked(server) == [(1_000, "own"), (5_000, "own"), (0, None)]

    async def test_a_call_is_paid_at_the_price_that_was_set_aside_for_it(
        self, make_server: ServerFactory, clock: HandClock
    ) -> None:
        """Another begins while the model speaks: a limit must not be passed by that."""
        gate = asyncio.Event()
        made = provider(steps=[gate, "Hello."])
        server = await make_server(made, clock=clock, limits={"cost": 50_000})
        operator = await sign_in(server)
        await put(operator, "vendor/ours-1", input=1, output=1)
        soon = clock.moment + timedelta(seconds=10)
        await put(operator, "vendor/ours-1", input=1_000, output=1_000, effective_from=soon.isoformat())
        asking = asyncio.create_task(server.say("Hi"))
        await made.called()
        clock.moment = soon
        gate.set()
        await asking
        assert await booked(server) == [(1_100, "own")]
        assert (await server.counters())["cost"] == (1_100, 0)

    async def test_what_is_set_aside_covers_a_cache_that_is_dearer_to_write_than_to_leave(
        self, make_server: ServerFactory
    ) -> None:
        gate = asyncio.Event()
        made = provider(steps=[gate, "Hello."])
        server = await make_server(made, limits={"cost": 10_000_000})
        await put(await sign_in(server), "vendor/ours-1", input=1, output=0, cache_write=4)
        asking = asyncio.create_task(server.say("Hi"))
        await made.called()
        (_used, reserved) = (await server.counters())["cost"]
        gate.set()
        await asking
        assert reserved == 4 * input_bytes(made.requests[0])

    async def test_a_model_that_costs_nothing_by_itself_can_be_given_a_price(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(provider(prices=None))
        await put(await sign_in(server), "vendor/ours-1", input="0.000001", output=1)
        await server.say("Hi")
        # 1,000 x $0.000001 rounds to nothing beside 100 x $1
        assert await booked(server) == [(100, "own")]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"input": 1}, "price_invalid"),
            ({"input": -1, "output": 1}, "price_invalid"),
            ({"input": "NaN", "output": 1}, "request_invalid"),
            ({"input": "0.0000001", "output": 1}, "price_invalid"),
            ({"input": 100_001, "output": 1}, "price_invalid"),
            ({"cache_read": 1}, "price_invalid"),
            ({"input": 1, "output": 1, "effective_from": "2020-01-01T00:00:00Z"}, "moment_past"),
            ({"input": 1, "output": 1, "effective_from": "2099-01-01T00:00:00"}, "moment_invalid"),
        ],
    )
    async def test_a_price_that_cannot_be_is_refused(
        self, make_server: ServerFactory, body: dict[str, Any], code: str
    ) -> None:
        operator = await sign_in(await make_server(provider()))
        refused = await put(operator, "vendor/ours-1", **body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)

    async def test_a_change_on_what_was_read_before_is_refused(self, make_server: ServerFactory) -> None:
        operator = await sign_in(await make_server(provider()))
        read = await operator.ask("GET", "/admin/models/vendor/a/b/price")
        first = await put(operator, "vendor/a/b", read.headers["ETag"], input=1, output=1)
        second = await put(operator, "vendor/a/b", read.headers["ETag"], input=2, output=2)
        assert (first.status_code, second.status_code) == (200, 412)
        unknown = await operator.ask("GET", "/admin/models/nobody/x/price")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "provider_unknown")

    async def test_of_many_changes_at_once_on_what_was_read_one_holds(
        self, make_server: ServerFactory
    ) -> None:
        operator = await sign_in(await make_server(provider()))
        tag = (await operator.ask("GET", "/admin/models/vendor/a/b/price")).headers["ETag"]
        answers = await asyncio.gather(
            *(put(operator, "vendor/a/b", tag, input=number, output=1) for number in range(1, 6))
        )
        assert sorted(answer.status_code for answer in answers) == [200, *[412] * 4]
        assert len((await operator.get("/admin/models/vendor/a/b/price"))["schedule"]) == 1


class TestUnknownPrice:
    async def test_a_model_of_unknown_price_is_passed_over_under_a_cost_limit(
        self, make_server: ServerFactory
    ) -> None:
        dear, known = provider("dear"), provider("known", model="gpt-4o-mini")
        server = await make_server(dear, known, limits={"cost": 1_000_000})
        with capture_logs() as logs:
            assert (await server.say("Hi")).json()["status"] == "completed"
            await server.say("Hi again")
        assert not dear.requests
        assert len(known.requests) == 2
        alerts = [entry for entry in logs if entry.get("alert") == "model.price_unknown"]
        assert [(entry["provider"], entry["model"]) for entry in alerts] == [("dear", "ours-1")]

    async def test_a_turn_that_no_model_of_known_price_can_answer_fails_and_spends_nothing(
        self, make_server: ServerFactory
    ) -> None:
        dear = provider()
        server = await make_server(dear, limits={"cost": 1_000_000})
        assert (await server.say("Hi")).json()["status"] == "failed"
        assert (not dear.requests, await booked(server)) == (True, [])
        await put(await sign_in(server), "vendor/ours-1", input=1, output=1)
        assert (await server.say("Hi")).json()["status"] == "completed"

    async def test_without_a_cost_limit_it_is_called_booked_as_nothing_and_alarmed(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(provider(), limits={"tokens": 1_000_000})
        with capture_logs() as logs:
            assert (await server.say("Hi")).json()["status"] == "completed"
        assert await booked(server) == [(0, None)]
        assert [e["consequence"] for e in logs if e.get("alert")] == ["booked as nothing"]

    async def test_a_name_that_nobody_knows_is_charged_as_the_model_asked_for(
        self, make_server: ServerFactory
    ) -> None:
        server = await make_server(
            provider(model="gpt-4o-mini", says="secret-successor"), limits={"cost": 1_000_000}
        )
        await server.say("Hi")
        ((cost, source),) = await booked(server)
        assert cost > 0
        assert str(source).startswith("genai-prices")


class TestCatalog:
    async def test_it_lists_published_chosen_and_priced_models(self, make_server: ServerFactory) -> None:
        server = await make_server(provider(), client={"settings": {"chain": ["vendor/chosen-9"]}})
        operator = await sign_in(server)
        await put(operator, "vendor/priced-1", input=1, output=2)
        found = {each["model"]: each for each in (await operator.get("/admin/models"))["models"]}
        assert {"ours-1", "chosen-9", "priced-1", "gpt-4o-mini"} <= found.keys()
        mini = found["gpt-4o-mini"]
        assert (mini["price"]["input"], mini["price"]["output"]) == ("0.15", "0.6")
        assert mini["context_window"] == 128_000
        assert found["ours-1"]["is_default"]
        unpriced = await operator.get("/admin/models", unpriced=True)
        assert [each["model"] for each in unpriced["models"]] == ["chosen-9", "ours-1"]

    async def test_it_is_searched_by_provider_and_name(self, make_server: ServerFactory) -> None:
        server = await make_server(provider(), provider("other", prices=None, model="llama"))
        operator = await sign_in(server)
        other = (await operator.get("/admin/models", provider="other"))["models"]
        assert [(each["model"], each["price"]["source"]) for each in other] == [("llama", "free")]
        assert (await operator.get("/admin/models", search="OURS"))["models"][0]["model"] == "ours-1"
