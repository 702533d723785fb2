"""What everybody may see of the shop: its published products, their stock, its policies."""

from __future__ import annotations

import pytest
from csai_integration_shopify.product import NOT_FOUND
from csai_integration_shopify.store import MAX_CHARS, plain_text
from csai_sdk import IntegrationError

from plugins.integrations.shopify.tests.shop import make_product, visit

DRAFT = make_product("Secret mug", "secret-mug", 9, sku="MUG-9", status="DRAFT")
HIDDEN = make_product("Hidden mug", "hidden-mug", 8, sku="MUG-8", publishedAt=None)


async def test_only_published_products_are_found() -> None:
    async with visit() as at:
        at.shop.products = [make_product("Blue mug", "blue-mug", 1), DRAFT, HIDDEN]

        found = await at.fetch("find_products", text="mug")

    assert [each["handle"] for each in found["products"]] == ["blue-mug"]
    assert found["products"][0]["is_available"] is True


@pytest.mark.parametrize(
    "text", ['mug" OR status:draft OR "x', "mug) OR (tag:secret", "mug AND NOT x:1", "\\"]
)
async def test_words_are_words_whatever_a_model_writes(text: str) -> None:
    async with visit() as at:
        await at.fetch("find_products", text=text)

        for _, asked in at.shop.asked:
            own = asked["query"].removeprefix("status:active AND published_status:published AND ")
            assert own.count('"') == 2 * len(own.split(" AND "))
            assert not {":", "(", "\\", " OR ", "NOT"} & {
                own[i : i + n] for n in (1, 3, 4) for i in range(len(own))
            }


@pytest.mark.parametrize("named", ["blue-mug", "1", "gid://shopify/Product/1"])
async def test_a_product_is_read_by_handle_or_id(named: str) -> None:
    async with visit() as at:
        at.shop.products = [make_product("Blue mug", "blue-mug", 1, sku="MUG-1")]

        product = await at.fetch("get_product", product=named)

    assert (product["id"], product["title"]) == ("1", "Blue mug")
    assert [each["sku"] for each in product["variants"]] == ["MUG-1"]


@pytest.mark.parametrize("named", ["secret-mug", "9", "hidden-mug", "no-mug", '"', "a b"])
async def test_what_is_not_published_is_not_there(named: str) -> None:
    async with visit() as at:
        at.shop.products = [DRAFT, HIDDEN]

        for name in ("get_product", "check_inventory"):
            with pytest.raises(IntegrationError) as caught:
                await at.fetch(name, product=named)
            assert str(caught.value) == NOT_FOUND


async def test_stock_is_read_by_sku_or_product() -> None:
    async with visit() as at:
        at.shop.products = [make_product("Blue mug", "blue-mug", 1, sku="MUG-1"), DRAFT, HIDDEN]

        by_sku = await at.fetch("check_inventory", sku="mug-1")
        by_product = await at.fetch("check_inventory", product="blue-mug")
        for sku in ("MUG", "MUG-9", "MUG-8", 'MUG-1" OR sku:"MUG-9'):
            with pytest.raises(IntegrationError) as caught:
                await at.fetch("check_inventory", sku=sku)
            assert str(caught.value) == NOT_FOUND

    assert by_sku == by_product
    (stock,) = by_sku["stock"]
    assert (stock["product"], stock["quantity"], stock["is_available"]) == ("Blue mug", 7, True)


async def test_quantities_stay_the_shops_where_it_says_so() -> None:
    async with visit(shows_quantities=False) as at:
        at.shop.products = [make_product("Blue mug", "blue-mug", 1, sku="MUG-1")]

        (stock,) = (await at.fetch("check_inventory", sku="MUG-1"))["stock"]

    assert stock["is_available"] is True
    assert "quantity" not in stock


async def test_policies_are_listed_and_one_is_read_without_markup() -> None:
    async with visit() as at:
        at.shop.policies = [
            {
                "type": "REFUND_POLICY",
                "title": "Refunds",
                "url": "https://x.example/r",
                "body": "<p>30&nbsp;days</p>",
            },
            {
                "type": "PRIVACY_POLICY",
                "title": "Privacy",
                "url": "https://x.example/p",
                "body": "x" * 99_999,
            },
        ]

        listed = await at.fetch("get_store_policies")
        refunds = await at.fetch("get_store_policies", policy="refund_policy")
        privacy = await at.fetch("get_store_policies", policy="privacy_policy")

    assert (listed["shop"], listed["currency"]) == ("Chestnut Street", "USD")
    assert [set(each) for each in listed["policies"]] == [{"policy", "title", "url"}] * 2
    assert [(each["text"], each["is_cut"]) for each in refunds["policies"]] == [("30 days", False)]
    assert len(privacy["policies"][0]["text"]) == MAX_CHARS


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One</p><ul><li>two</li><li>three &amp; four</li></ul>", "One\ntwo\nthree & four"),
        ("a<script>alert(1)</script>b<style>p{}</style>c", "abc"),
        ("a<SCRIPT>never ends", "a"),
        ("a < b", "a < b"),
        ("<" * 100_000, "<" * 100_000),
        ("", ""),
    ],
)
def test_markup_is_taken_off(page: str, text: str) -> None:
    assert plain_text(page) == text
