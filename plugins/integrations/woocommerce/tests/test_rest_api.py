"""Authentication of both kinds, products, and what the site refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from csai_integration_woocommerce.oauth import signed
from csai_integration_woocommerce.page import plain_text
from csai_integration_woocommerce.product import NOT_FOUND
from csai_integration_woocommerce.rest_api import BUSY, NO_ANSWER, NOT_SET_UP, UNREADABLE
from csai_sdk import IntegrationError

from plugins.integrations.woocommerce.tests.site import SECRET, make_product, visit

AT = datetime.fromtimestamp(1767323045, UTC)


@pytest.mark.parametrize(
    ("url", "query", "signature"),
    [
        (
            "http://shop.example/wp-json/wc/v3/orders",
            {"search": "bob+x@mail.example", "per_page": "20", "_fields": "id,number"},
            "fY9PZhvnmMQK+nPmot6i/gn1Ltz2Z76Pt7rwejmaypA=",
        ),
        (
            "http://shop.example/wp-json/wc/v3/products",
            {"search": "caf\u00e9 %~"},
            "frJBBb7YzqkPhebRa17diILnVqXay2KFtabujm3E/eg=",
        ),
    ],
)
def test_signatures_are_those_that_oauthlib_makes(url: str, query: dict[str, str], signature: str) -> None:
    made = signed(url, query, key="ck_abc", secret="cs_xyz", nonce="abc123", at=AT)

    assert made["oauth_signature"] == signature


async def test_without_https_requests_are_signed_and_the_secret_stays_here() -> None:
    async with visit(base_url="http") as at:
        at.site.products = [make_product(1, "Caf\u00e9 mug")]
        for _ in range(2):
            found = await at.fetch("find_products", text="caf\u00e9 mug")

    assert [each["title"] for each in found["products"]] == ["Caf\u00e9 mug"]
    assert len(at.site.nonces) == 2
    assert SECRET not in str(at.site.headers)
    assert "Authorization" not in at.site.headers[0]


async def test_over_https_key_and_secret_are_sent_as_basic_authentication() -> None:
    async with visit() as at:
        at.site.products = [make_product(1, "Mug")]

        found = await at.fetch("find_products", text="mug")

    (mug,) = found["products"]
    assert (mug["price"], mug["url"], mug["summary"]) == (
        "21.99",
        "https://shop.example/product/1",
        "Soft & warm",
    )
    assert (mug["quantity"], mug["is_available"], found["total"]) == (7, True, 1)
    assert at.site.headers[0]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "body", "message", "retryable"),
    [
        (
            401,
            {"code": "woocommerce_rest_cannot_view", "message": SECRET, "data": {"status": 401}},
            NOT_SET_UP,
            False,
        ),
        (403, {"code": "rest_forbidden"}, NOT_SET_UP, False),
        (404, {"code": "rest_no_route", "message": "No route"}, NOT_SET_UP, False),
        (301, {}, NOT_SET_UP, False),
        (429, {}, BUSY, True),
        (500, {"code": "internal_server_error"}, NO_ANSWER, True),
        (503, ["x"], NO_ANSWER, True),
        (200, {"code": "odd"}, UNREADABLE, True),
    ],
)
async def test_failures_say_whether_another_try_may_succeed(
    status: int, body: Any, message: str, retryable: bool
) -> None:
    async with visit() as at:
        at.site.faults = [(status, body)]
        with pytest.raises(IntegrationError) as caught:
            await at.fetch("find_products", text="mug")

    assert (str(caught.value), caught.value.retryable) == (message, retryable)


@pytest.mark.parametrize(
    "hidden",
    [{"status": "draft"}, {"status": "private"}, {"catalog_visibility": "hidden"}, {"post_password": "x"}],
)
async def test_what_is_not_for_everybody_is_not_there(hidden: dict[str, str]) -> None:
    async with visit() as at:
        at.site.products = [make_product(9, "Secret mug", sku="M9", **hidden)]

        assert (await at.fetch("find_products", text="mug"))["products"] == []
        for name, asked in (
            ("get_product", {"product": "9"}),
            ("get_product", {"product": "8"}),
            ("get_product", {"product": "secret-mug"}),
            ("get_product", {"product": "9/../../orders"}),
            ("check_stock", {"sku": "M9"}),
            ("check_stock", {"product": "9"}),
        ):
            with pytest.raises(IntegrationError) as caught:
                await at.fetch(name, **asked)
            assert str(caught.value) == NOT_FOUND


async def test_stock_is_told_variation_by_variation() -> None:
    async with visit(shows_quantities=False) as at:
        at.site.products = [make_product(1, "Mug", type="variable")]
        blue = {
            "status": "publish",
            "attributes": [{"name": "Color", "option": "Blue"}],
            "stock_status": "outofstock",
        }
        at.site.variations = [blue, blue | {"status": "private"}]

        found = await at.fetch("check_stock", product="mug")

    assert found["stock"] == [
        {"sku": None, "stock": "outofstock", "is_available": False, "variant": "Color: Blue"}
    ]


async def test_what_the_shop_says_of_itself_holds_no_key_of_its_gateways() -> None:
    async with visit() as at:
        found = await at.fetch("get_store_info")

    assert found == {
        "currency": "ISK",
        "country": None,
        "charges_taxes": None,
        "pays_by": ["Bank"],
        "ships_to": ["Iceland"],
    }


@pytest.mark.parametrize(
    "given", ["ftp://x.example", "https://k:s@x.example", "https://x.example/?a=b", "x.example"]
)
async def test_an_address_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="write the site's address"):
        async with visit(base_url=given):
            pass


async def test_a_check_tries_what_the_key_may_read() -> None:
    async with visit() as at:
        at.site.products = [make_product(1, "Mug")]
        good = await at.plugin.check(at.connection, at.ctx)
        at.site.faults = [(200, []), (401, {"code": "woocommerce_rest_cannot_view"})]
        bad = await at.plugin.check(at.connection, at.ctx)

    assert (good.is_ok, good.detail) == (True, "The shop answers. It has 1 products.")
    assert not bad.is_ok
    assert "permission (Read)" in bad.detail


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>One</p>\n<p>two [gallery ids='1']&amp; three</p>", "One\ntwo & three"),
        ("a<script>x<style>y</script>b<style>p{}</style>c<SCRIPT>never ends", "abc"),
        ("a < b [sic]", "a < b"),
        ("[" * 50_000, "[" * 50_000),
    ],
)
def test_markup_is_taken_off(page: str, text: str) -> None:
    assert plain_text(page) == text
