"""Orders are read by the customer whose they are, and by nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from csai_integration_shopify.order import NOT_FOUND
from csai_sdk import IntegrationError

from plugins.integrations.shopify.tests.shop import Visit, make_order, recorded_order, visit

BOB = "bob.norman@hostmail.com"


def two_customers() -> list[dict[str, Any]]:
    return [
        make_order(
            "#1001", email=BOB, customer_id=207119551, phone="+3545550142", customer_phone="+3545550142"
        ),
        make_order("#1002", email="eve@example.com", customer_id=7, customer_phone="+3545550199"),
        make_order("#1003", email=None, customer_id=None),
    ]


async def refused(at: Visit, visitor_id: str | None, order: str) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await at.fetch("get_order_status", visitor_id, order=order)
    return caught.value


async def test_an_order_tells_its_status_items_shipments_and_totals() -> None:
    async with visit() as at:
        at.shop.orders = [recorded_order()]

        found = await at.fetch("get_order_status", BOB, order="1001")

    assert (found["order"], found["payment"], found["total"]) == ("#1001", "authorized", "409.94 USD")
    assert (found["subtotal"], found["tax"]) == ("398.00 USD", "11.94 USD")
    assert [item["variant"] for item in found["items"]] == ["green", "red", "black"]
    (shipment,) = found["shipments"]
    assert shipment["status"] == "failure"
    assert shipment["tracking"] == [{"company": None, "number": "1Z2345", "url": None}]


async def test_no_personal_data_reaches_the_model() -> None:
    async with visit() as at:
        at.shop.orders = [recorded_order()]

        answers = [
            await at.fetch("get_order_status", BOB, order="#1001"),
            await at.fetch("list_my_orders", BOB),
        ]

    said = json.dumps(answers)
    for personal in ("Norman", "hostmail", "Chestnut", "555-625", "40202", "207119551"):
        assert personal not in said


@pytest.mark.parametrize(
    ("visitor_ids", "bob", "eve"),
    [
        ("email", BOB, "eve@example.com"),
        ("email", "BOB.Norman@hostmail.com", "eve@example.com"),
        ("customer_id", "207119551", "7"),
        ("customer_id", "gid://shopify/Customer/207119551", "gid://shopify/Customer/7"),
        ("phone", "+3545550142", "+3545550199"),
        ("email", "whatsapp:+3545550142", "sms:+3545550199"),
        ("customer_id", f"email:{BOB}", "email:eve@example.com"),
    ],
)
@pytest.mark.parametrize("searches_loosely", [False, True])
async def test_only_the_customer_sees_the_order(
    visitor_ids: str, bob: str, eve: str, searches_loosely: bool
) -> None:
    """Also where the shop's search gives more than it was asked for."""
    async with visit(visitor_ids=visitor_ids) as at:
        at.shop.orders, at.shop.searches_loosely = two_customers(), searches_loosely

        assert (await at.fetch("get_order_status", bob, order="#1001"))["order"] == "#1001"
        assert [each["order"] for each in (await at.fetch("list_my_orders", bob))["orders"]] == ["#1001"]
        assert [each["order"] for each in (await at.fetch("list_my_orders", eve))["orders"]] == ["#1002"]
        assert str(await refused(at, eve, "#1001")) == NOT_FOUND


@pytest.mark.parametrize("searches_loosely", [False, True])
async def test_anothers_order_and_one_that_is_not_there_are_the_same(searches_loosely: bool) -> None:
    """The same words, after the same questions to the shop."""
    seen = []
    for order in ("#1002", "#9999", "#1003"):
        async with visit() as at:
            at.shop.orders, at.shop.searches_loosely = two_customers(), searches_loosely
            error = await refused(at, BOB, order)
            said = [
                (name, {**asked, "query": asked["query"].replace(order[1:], "N")})
                for name, asked in at.shop.asked
            ]
            seen.append((str(error), error.retryable, error.__cause__, said))

    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][3]) == 1


@pytest.mark.parametrize(
    "written",
    [
        '1002" OR name:"1002',
        "1002 OR customer_id:7",
        '" OR email:"eve@example.com',
        "eve@example.com",
        "gid://shopify/Order/1002",
        "*",
        "#",
        "1002\\",
        "1002) OR (name:1002",
        "\u0661\u0660\u0660\u0662",
    ],
)
async def test_what_a_model_writes_never_widens_the_search(written: str) -> None:
    async with visit() as at:
        at.shop.orders, at.shop.searches_loosely = two_customers(), True

        assert str(await refused(at, BOB, written)) == NOT_FOUND

        for _, asked in at.shop.asked:
            assert asked["query"].endswith(f' AND email:"{BOB}"')
            assert asked["query"].count('"') == 4


@pytest.mark.parametrize(
    "visitor_id",
    [
        None,
        "",
        "visitor-17",
        "messenger:5550142",
        "whatsapp:5550142",
        "whatsapp:+3545550142 OR 1",
        'bob@x.example" OR email:"eve@example.com',
        "*@example.com",
        "\u212aeve@example.com",
        "0",
    ],
)
async def test_who_is_no_customer_sees_nothing(visitor_id: str | None) -> None:
    async with visit() as at:
        at.shop.orders = two_customers()

        assert str(await refused(at, visitor_id, "#1002")) == NOT_FOUND
        assert await at.fetch("list_my_orders", visitor_id) == {"orders": [], "has_more": False}


async def test_an_address_is_made_lower_case_only_where_that_makes_no_other_of_it() -> None:
    async with visit() as at:
        at.shop.orders = [make_order("#1", email="kate@example.com", customer_id=1)]
        at.shop.searches_loosely = True

        assert (await at.fetch("get_order_status", "KATE@example.com", order="1"))["order"] == "#1"
        assert str(await refused(at, "\u212aATE@example.com", "1")) == NOT_FOUND


async def test_an_order_is_found_only_by_its_whole_name() -> None:
    async with visit() as at:
        at.shop.orders = [
            make_order("#1001-A", email=BOB, customer_id=1),
            make_order("#11001", email=BOB, customer_id=1),
        ]

        assert str(await refused(at, BOB, "1001")) == NOT_FOUND
        assert (await at.fetch("get_order_status", BOB, order="1001-a"))["order"] == "#1001-A"


async def test_lists_are_read_page_by_page_within_bounds() -> None:
    async with visit() as at:
        at.shop.searches_loosely, at.shop.page = True, 2
        others = [make_order(f"#{n}", email="eve@example.com", customer_id=7) for n in range(3)]
        at.shop.orders = [*others, make_order("#50", email=BOB, customer_id=1), *others, *others]

        found = await at.fetch("list_my_orders", BOB, limit=5)

    assert [each["order"] for each in found["orders"]] == ["#50"]
    assert found["has_more"] is True
    assert [asked["after"] for _, asked in at.shop.asked] == [None, "2", "4"]


async def test_without_the_right_to_read_the_owner_nothing_is_shown() -> None:
    """The shop leaves out what an app may not see: then nobody is known to be the customer."""
    async with visit() as at:
        order = make_order("#1001", email=BOB, customer_id=1)
        at.shop.orders = [order | {"email": None, "customer": None}]
        at.shop.searches_loosely = True
        at.shop.errors = [{"message": "denied", "extensions": {"code": "ACCESS_DENIED"}}]

        assert str(await refused(at, BOB, "#1001")) == NOT_FOUND


async def test_what_the_shop_left_out_is_said() -> None:
    """Only what may be null: where another field is denied, nothing of the order comes."""
    async with visit() as at:
        at.shop.orders = [make_order("#1001", email=BOB, customer_id=None)]
        at.shop.errors = [{"message": "denied", "extensions": {"code": "ACCESS_DENIED"}}]

        found = await at.fetch("get_order_status", BOB, order="#1001")

    assert found["order"] == "#1001"
    assert "left some details out" in found["note"]
