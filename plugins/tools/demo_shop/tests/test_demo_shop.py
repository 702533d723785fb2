"""The demonstration shop's tools, called as the server calls them."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from csai_sdk import PluginContext, Tool
from csai_testkit.context import FakeClock, make_context
from csai_tool_demo_shop import register_tools
from csai_tool_demo_shop.appointment import Bookings
from csai_tool_demo_shop.shop import ORDERS, PRODUCTS
from pydantic import ValidationError

TOOLS: dict[str, Tool] = {each.spec.name: each for each in register_tools()}
FRIDAY = datetime(2026, 1, 2, 11, 15, tzinfo=UTC)


@pytest.fixture
def ctx() -> PluginContext:
    return make_context(clock=FakeClock(FRIDAY))


async def call(ctx: PluginContext, tool: str, /, **arguments: Any) -> dict[str, Any]:
    answer = TOOLS[tool].bind(arguments, ctx)()
    result: dict[str, Any] = (await answer) if inspect.isawaitable(answer) else answer
    json.dumps(result)
    assert result["message"]
    return result


async def book(ctx: PluginContext, date: str, time: str, name: str = "Anna", **more: Any) -> dict[str, Any]:
    return await call(ctx, "book_appointment", date=date, time=time, name=name, **more)


class TestCatalog:
    def test_the_plugin_brings_its_tools_with_their_flags(self) -> None:
        flags = {name: (each.spec.is_read_only, each.is_idempotent) for name, each in TOOLS.items()}

        assert flags == {
            "get_order_status": (True, True),
            "check_inventory": (True, True),
            "book_appointment": (False, True),
            "cancel_order": (False, False),
        }
        assert [name for name, each in TOOLS.items() if each.needs_confirmation] == ["cancel_order"]

    @pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda item: item.spec.name)
    def test_each_tool_and_parameter_is_described_to_the_model(self, tool: Tool) -> None:
        schema = tool.spec.parameters_schema

        assert schema["type"] == "object"
        assert "ctx" not in schema["properties"]
        assert len(tool.spec.description) > 60
        assert all(len(each["description"]) > 15 for each in schema["properties"].values())

    def test_the_shop_has_its_blue_kettle_and_its_first_order(self) -> None:
        assert len(PRODUCTS) == 8
        assert len(ORDERS) == 5
        assert ORDERS[0].order_id == "ORD-1001"
        assert ORDERS[0].items[0] == ("KET-BLU", 1)


class TestOrders:
    async def test_a_shipped_order_says_what_comes_when(self, ctx: PluginContext) -> None:
        assert await call(ctx, "get_order_status", order_id="ORD-1001") == {
            "found": True,
            "order_id": "ORD-1001",
            "status": "shipped",
            "items": [{"product": "Blue Kettle", "quantity": 1}, {"product": "Moss Oolong", "quantity": 2}],
            "ordered_on": "2025-12-30",
            "expected_on": "2026-01-04",
            "delivered_on": None,
            "carrier": "Island Post",
            "message": "Order ORD-1001 (1 x Blue Kettle, 2 x Moss Oolong) is on its way with Island Post and "
            "should arrive on 2026-01-04.",
        }

    @pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.order_id)
    async def test_every_order_is_told_without_a_customers_data(self, ctx: PluginContext, order: Any) -> None:
        answer = await call(ctx, "get_order_status", order_id=order.order_id)

        assert answer["status"] == order.state
        assert not {"name", "address", "email", "phone"} & answer.keys()

    @pytest.mark.parametrize("written", ["ord-1001", "ORD 1001", "#1001", " 1001 "])
    async def test_a_number_is_understood_however_it_is_written(
        self, ctx: PluginContext, written: str
    ) -> None:
        assert (await call(ctx, "get_order_status", order_id=written))["order_id"] == "ORD-1001"

    @pytest.mark.parametrize("written", ["ORD-9999", "x", "1001 1002", "\N{ARABIC-INDIC DIGIT ONE}"])
    async def test_an_unknown_order_is_an_answer_that_helps(self, ctx: PluginContext, written: str) -> None:
        answer = await call(ctx, "get_order_status", order_id=written)

        assert answer["found"] is False
        assert "ORD-1001" in answer["message"]


class TestStock:
    async def test_a_product_in_stock_says_how_many_and_the_price(self, ctx: PluginContext) -> None:
        answer = await call(ctx, "check_inventory", product="blue kettle")

        assert answer["message"] == "Blue Kettle (KET-BLU, 39.90 EUR) is in stock: 12 pieces."
        assert answer["products"][0]["is_available"] is True

    @pytest.mark.parametrize(
        ("asked", "skus"),
        [
            ("KET-BLU", ["KET-BLU"]),
            ("ket-blu", ["KET-BLU"]),
            ("Blue kettles", ["KET-BLU"]),
            ("Do you have any kettles in stock?", ["KET-BLU", "KET-RED", "KET-GOO"]),
            ("tea", ["POT-GLA", "TEA-MOS", "TEA-MIN"]),
            ("coffee", ["GRI-HAN"]),
            ("glass", ["POT-GLA"]),
        ],
    )
    async def test_products_are_found_by_the_words_people_use(
        self, ctx: PluginContext, asked: str, skus: list[str]
    ) -> None:
        answer = await call(ctx, "check_inventory", product=asked)

        assert [each["sku"] for each in answer["products"]] == skus

    async def test_one_that_is_sold_out_says_when_it_comes_back(self, ctx: PluginContext) -> None:
        answer = await call(ctx, "check_inventory", product="red kettle")

        assert answer["products"][0]["restock_on"] == "2026-01-08"
        assert "out of stock" in answer["message"]

    async def test_more_pieces_than_there_are_is_said(self, ctx: PluginContext) -> None:
        answer = await call(ctx, "check_inventory", product="gooseneck", quantity=5)

        assert answer["products"][0]["is_available"] is False
        assert "only 3 pieces" in answer["message"]

    @pytest.mark.parametrize("asked", ["unicorn", "the", "?", "\N{GRINNING FACE}"])
    async def test_an_unknown_product_is_answered_with_what_there_is(
        self, ctx: PluginContext, asked: str
    ) -> None:
        answer = await call(ctx, "check_inventory", product=asked)

        assert answer["found"] is False
        assert "Blue Kettle" in answer["message"]

    @pytest.mark.parametrize("quantity", [0, 1001, "many"])
    async def test_an_impossible_quantity_is_refused(self, ctx: PluginContext, quantity: Any) -> None:
        with pytest.raises(ValidationError):
            await call(ctx, "check_inventory", product="tea", quantity=quantity)


class TestAppointments:
    async def test_a_free_time_is_booked_with_a_reference(self, ctx: PluginContext) -> None:
        answer = await book(ctx, "2026-01-05", "14:30", service="tea tasting")

        assert answer["booked"] is True
        assert answer["reference"] in answer["message"]
        assert "Monday, 2026-01-05 at 14:30" in answer["message"]

    async def test_the_same_wish_again_is_the_same_booking(self, ctx: PluginContext) -> None:
        first = await book(ctx, "2026-01-05", "9:00")

        assert await book(ctx, "2026-01-05", "09:00", name=" anna") == first

    async def test_a_taken_time_is_refused_with_others_that_are_free(self, ctx: PluginContext) -> None:
        await book(ctx, "2026-01-05", "09:00")
        await book(ctx, "2026-01-05", "10:00", name="Cem")

        answer = await book(ctx, "2026-01-05", "09:00", name="Bo")

        assert (answer["booked"], answer["reason"]) == (False, "taken")
        assert [each["time"] for each in answer["alternatives"]] == ["09:30", "10:30", "11:00"]
        assert (await book(ctx, **answer["alternatives"][0], name="Bo"))["booked"] is True

    @pytest.mark.parametrize(
        ("date", "time", "reason", "first"),
        [
            ("2026-01-02", "11:00", "past", "2026-01-02 11:30"),
            ("2025-06-02", "11:00", "past", "2026-01-02 11:30"),
            ("2026-01-04", "11:00", "closed", "2026-01-05 09:00"),
            ("2026-01-03", "14:00", "closed", "2026-01-05 09:00"),
            ("2026-01-05", "08:30", "closed", "2026-01-05 09:00"),
            ("2026-01-05", "17:00", "closed", "2026-01-06 09:00"),
            ("2026-01-05", "10:10", "not_a_slot", "2026-01-05 10:30"),
            ("2026-03-04", "10:00", "too_far_ahead", None),
            ("9999-12-31", "10:00", "too_far_ahead", None),
            ("2026-02-30", "10:00", "no_such_time", None),
            ("2026-01-05", "24:00", "no_such_time", None),
        ],
    )
    async def test_a_time_nobody_can_come_at_is_refused_with_its_reason(
        self, ctx: PluginContext, date: str, time: str, reason: str, first: str | None
    ) -> None:
        answer = await book(ctx, date, time)

        assert (answer["booked"], answer["reason"]) == (False, reason)
        offered = [f"{each['date']} {each['time']}" for each in answer["alternatives"]]
        assert offered[:1] == ([first] if first else [])

    @pytest.mark.parametrize("time", ["2pm", "noon", "14", "14:30:00"])
    async def test_a_time_in_another_form_is_refused_by_the_schema(
        self, ctx: PluginContext, time: str
    ) -> None:
        with pytest.raises(ValidationError):
            await book(ctx, "2026-01-05", time)

    async def test_one_clients_bookings_are_not_anothers(self, ctx: PluginContext) -> None:
        await book(ctx, "2026-01-05", "09:00")

        assert (await book(make_context(clock=FakeClock(FRIDAY)), "2026-01-05", "09:00", name="Bo"))[
            "booked"
        ] is True

    async def test_no_name_is_kept(self, ctx: PluginContext) -> None:
        await book(ctx, "2026-01-05", "09:00", name="Anna Svensdottir")

        kept = ctx.resource("bookings", Bookings)
        assert kept.holder(datetime(2026, 1, 5, 9, tzinfo=UTC))
        assert "anna" not in repr(vars(kept)).lower()

    async def test_a_full_day_is_stepped_over(self, ctx: PluginContext) -> None:
        for hour in range(9, 17):
            for minute in ("00", "30"):
                assert (await book(ctx, "2026-01-05", f"{hour:02}:{minute}"))["booked"] is True

        answer = await book(ctx, "2026-01-05", "09:00", name="Bo")

        assert answer["alternatives"][0] == {"date": "2026-01-06", "time": "09:00"}


class TestCancelling:
    async def test_an_order_that_waits_is_cancelled_and_stays_so(self, ctx: PluginContext) -> None:
        answer = await call(ctx, "cancel_order", order_id="ord 1002")
        assert answer["cancelled"]
        assert (await call(ctx, "get_order_status", order_id="ORD-1002"))["status"] == "cancelled"
        assert not (await call(ctx, "cancel_order", order_id="ORD-1002"))["cancelled"]

    @pytest.mark.parametrize("order_id", ["ORD-1001", "ORD-1003", "ORD-9999"])
    async def test_what_is_on_its_way_or_unknown_cannot_be(self, ctx: PluginContext, order_id: str) -> None:
        answer = await call(ctx, "cancel_order", order_id=order_id)
        assert not answer["cancelled"]

    async def test_another_shop_s_orders_are_not_touched(self, ctx: PluginContext) -> None:
        await call(ctx, "cancel_order", order_id="ORD-1002")
        other = make_context(client_id="other", clock=FakeClock(FRIDAY))
        assert (await call(other, "get_order_status", order_id="ORD-1002"))["status"] == "processing"
