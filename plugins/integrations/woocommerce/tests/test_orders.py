"""Orders are read by the customer whose they are, and by nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai_integration_woocommerce.order import MAX_PAGES, NOT_FOUND
from csai_sdk import IntegrationError

from plugins.integrations.woocommerce.tests.site import Visit, make_order, recorded_order, visit

BOB, EVE = "bob@example.com", "eve@example.com"


def two_customers() -> list[dict[str, Any]]:
    return [
        make_order(645, customer_id=2, email="Bob@example.com", phone="555 01 42"),
        make_order(646, customer_id=3, email=EVE, phone="+354 555-0199"),
        make_order(647),
    ]


async def refused(at: Visit, visitor_id: str | None, order: str) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await at.fetch("get_order_status", visitor_id, order=order)
    return caught.value


async def test_an_order_tells_its_status_items_and_totals_and_no_personal_data() -> None:
    tracking = {
        "key": "_wc_shipment_tracking_items",
        "value": [{"tracking_number": "1Z", "tracking_provider": "ups"}],
    }
    async with visit() as at:
        at.site.orders = [recorded_order(email=BOB) | {"meta_data": [tracking], "customer_note": "ring"}]

        found = await at.fetch("get_order_status", BOB, order="#645")
        listed = await at.fetch("list_my_orders", BOB)

    assert (found["order"], found["status"], found["total"]) == ("645", "processing", "79.87")
    assert found["placed_at"] == "2015-01-26T20:00:21Z"
    assert [(each["title"], each["quantity"]) for each in found["items"]] == [
        ("Premium Quality", 2),
        ("Ship Your Idea", 1),
    ]
    assert found["tracking"] == [{"company": "ups", "number": "1Z", "url": None}]
    assert [each["order"] for each in listed["orders"]] == ["645"]
    for personal in ("John", "Market", BOB, "ring"):
        assert personal not in json.dumps([found, listed])


@pytest.mark.parametrize(
    ("visitor_ids", "bob", "eve"),
    [
        ("email", BOB, EVE),
        ("customer_id", "2", "3"),
        ("phone", "+3545550142", "+3545550199"),
        ("email", "whatsapp:+3545550142", "sms:+3545550199"),
        ("customer_id", f"email:{BOB}", f"email:{EVE}"),
    ],
)
@pytest.mark.parametrize("searches_loosely", [False, True])
async def test_only_the_customer_sees_the_order(
    visitor_ids: str, bob: str, eve: str, searches_loosely: bool
) -> None:
    async with visit(visitor_ids=visitor_ids, calling_code="354") as at:
        at.site.orders, at.site.searches_loosely = two_customers(), searches_loosely

        assert (await at.fetch("get_order_status", bob, order="645"))["order"] == "645"
        assert str(await refused(at, eve, "645")) == NOT_FOUND
        at.site.searches_loosely = True
        assert [each["order"] for each in (await at.fetch("list_my_orders", bob))["orders"]] == ["645"]
        assert [each["order"] for each in (await at.fetch("list_my_orders", eve))["orders"]] == ["646"]


@pytest.mark.parametrize("visitor_ids", ["email", "customer_id"])
async def test_anothers_order_and_one_that_is_not_there_are_the_same(visitor_ids: str) -> None:
    seen = []
    for order in ("646", "99999", "647"):
        async with visit(visitor_ids=visitor_ids) as at:
            at.site.orders = two_customers()
            error = await refused(at, BOB if visitor_ids == "email" else "2", order)
            asked = [(path, {**query, "include": "N"}) for path, query in at.site.asked]
            seen.append((str(error), error.retryable, type(error), error.__cause__, asked))

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][4]) == 1


@pytest.mark.parametrize(
    "written", ["646,645", "646&customer=3", "0646", "-646", "../orders/646", EVE, "", "#", "*"]
)
async def test_what_a_model_writes_is_an_order_number_or_nothing(written: str) -> None:
    async with visit() as at:
        at.site.orders, at.site.searches_loosely = two_customers(), True

        assert str(await refused(at, BOB, written)) == NOT_FOUND
        assert at.site.asked == []


@pytest.mark.parametrize(
    "visitor_id", [None, "", "0", "-1", "visitor-1", "messenger:3", "whatsapp:5550199", "3 OR 1"]
)
async def test_who_is_no_customer_sees_nothing(visitor_id: str | None) -> None:
    """Guests have the customer id 0: a visitor of that id is none of them."""
    async with visit(visitor_ids="customer_id") as at:
        at.site.orders, at.site.searches_loosely = two_customers(), True

        assert str(await refused(at, visitor_id, "647")) == NOT_FOUND
        assert await at.fetch("list_my_orders", visitor_id) == {"orders": [], "has_more": False}


async def test_orders_with_numbers_of_their_own_are_found_by_these() -> None:
    async with visit(has_own_numbers=True) as at:
        at.site.orders = [make_order(1, email=BOB, number="A-77"), make_order(2, email=EVE, number="A-78")]

        assert (await at.fetch("get_order_status", BOB, order="#a-77"))["order"] == "A-77"
        for order in ("A-78", "2", "A-7", "A-79"):
            assert str(await refused(at, BOB, order)) == NOT_FOUND


async def test_lists_are_read_page_by_page_within_bounds() -> None:
    async with visit() as at:
        at.site.searches_loosely = True
        at.site.orders = [make_order(n, email=EVE) for n in range(1, 99)]

        found = await at.fetch("list_my_orders", BOB)

    assert found == {"orders": [], "has_more": True}
    assert [query["page"] for _, query in at.site.asked] == [str(n) for n in range(1, MAX_PAGES + 1)]
