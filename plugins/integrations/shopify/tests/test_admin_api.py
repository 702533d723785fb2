"""The Admin API's budget, tokens and failures."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from csai_integration_shopify.admin_api import BUSY, NOT_ALLOWED, TOO_MUCH
from csai_integration_shopify.token import NO_ANSWER, NOT_SET_UP
from csai_sdk import IntegrationError

from plugins.integrations.shopify.tests.shop import SECRET, TOKEN, Visit, make_product, visit


async def find(at: Visit) -> Any:
    return await at.fetch("find_products", text="mug")


async def failure(at: Visit) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await find(at)
    return caught.value


async def test_a_query_waits_until_the_bucket_holds_what_it_costs() -> None:
    async with visit() as at:
        at.shop.cost, at.shop.available, at.shop.rate = 60.0, 100.0, 20.0

        await find(at)
        await find(at)

        assert len(at.shop.asked) == 2, "no query was throttled: it waited first"
        assert at.shop.slept == [pytest.approx(1.0)], "40 points are left, 60 are needed, 20 come a second"


async def test_queries_side_by_side_share_the_bucket() -> None:
    async with visit() as at:
        at.shop.cost, at.shop.available, at.shop.rate = 50.0, 150.0, 50.0
        await find(at)

        await asyncio.gather(*(find(at) for _ in range(4)))

        assert len(at.shop.asked) == 5, "none was throttled"
        assert len(at.shop.slept) >= 1


async def test_a_throttled_query_is_repeated_when_the_points_are_back() -> None:
    async with visit() as at:
        at.shop.cost, at.shop.available, at.shop.rate = 80.0, 30.0, 25.0
        at.shop.products = [make_product("Mug", "mug", 1)]

        found = await find(at)

        assert [each["title"] for each in found["products"]] == ["Mug"]
        assert at.shop.slept == [pytest.approx(2.0)]
        assert len(at.shop.asked) == 2


async def test_a_throttled_answer_that_says_no_more_is_repeated_after_a_second() -> None:
    async with visit() as at:
        at.shop.fail(200, {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]})

        await find(at)

        assert at.shop.slept == [pytest.approx(1.0)]


async def test_no_wait_goes_beyond_the_deadline() -> None:
    async with visit(timeout_s=5) as at:
        at.shop.cost, at.shop.available, at.shop.rate = 100.0, 0.0, 1.0

        error = await failure(at)

        assert (str(error), error.retryable) == (BUSY, True)
        assert at.shop.slept == []
        assert len(at.shop.asked) == 1


async def test_a_shop_that_throttles_for_ever_is_left_alone() -> None:
    async with visit() as at:
        said = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
        for _ in range(20):
            at.shop.fail(200, said)

        error = await failure(at)

        assert (str(error), error.retryable, len(at.shop.asked)) == (BUSY, True, 5)


async def test_a_cancelled_query_gives_its_points_back() -> None:
    async with visit() as at:
        at.shop.cost, at.shop.available, at.shop.rate, at.shop.maximum = 100.0, 100.0, 100.0, 100.0
        await find(at)
        asleep = asyncio.Event()

        async def sleep_on(_seconds: float) -> None:
            asleep.set()
            await asyncio.Event().wait()

        at.plugin._sleep = sleep_on
        waiting = asyncio.create_task(find(at))
        await asleep.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        at.plugin._sleep = at.shop.sleep
        at.shop.clock.advance(1)

        await find(at)

        assert at.shop.slept == [], "the bucket is full again"


async def test_too_many_requests_are_repeated_after_what_the_shop_says() -> None:
    async with visit() as at:
        at.shop.fail(429, {"errors": "Exceeded"}, Retry_After="2.0")

        await find(at)

        assert at.shop.slept == [2.0]


@pytest.mark.parametrize(
    ("status", "body", "message", "retryable"),
    [
        (429, {}, BUSY, True),
        (500, {}, NO_ANSWER, True),
        (503, {}, NO_ANSWER, True),
        (430, {}, NO_ANSWER, True),
        (402, {"errors": "Unavailable Shop"}, NOT_SET_UP, False),
        (403, {}, NOT_SET_UP, False),
        (404, {"errors": "Not Found"}, NOT_SET_UP, False),
        (200, {"errors": [{"extensions": {"code": "ACCESS_DENIED"}}], "data": None}, NOT_ALLOWED, False),
        (
            200,
            {"errors": [{"extensions": {"code": "ACCESS_DENIED"}}], "data": {"products": None}},
            NOT_ALLOWED,
            False,
        ),
        (200, {"errors": [{"extensions": {"code": "MAX_COST_EXCEEDED", "cost": 2003}}]}, TOO_MUCH, False),
        (200, {"errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, NO_ANSWER, True),
        (200, {"errors": [{"message": "Field 'x' doesn't exist"}]}, NOT_SET_UP, False),
        (200, {"errors": "[API] what is this"}, NOT_SET_UP, False),
    ],
)
async def test_failures_say_whether_another_try_may_succeed(
    status: int, body: Any, message: str, retryable: bool
) -> None:
    async with visit() as at:
        at.shop.fail(status, body)

        error = await failure(at)

    assert (str(error), error.retryable) == (message, retryable)


async def test_a_client_id_gets_a_token_once_a_day() -> None:
    async with visit(access_token=None, client_id="app", client_secret=SECRET) as at:
        await asyncio.gather(*(find(at) for _ in range(5)))
        assert len(at.shop.token_requests) == 1
        at.shop.clock.advance(23 * 3600)
        await find(at)
        assert len(at.shop.token_requests) == 1
        at.shop.clock.advance(3600)
        await find(at)

        assert (
            at.shop.token_requests
            == [{"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET}] * 2
        )


@pytest.mark.parametrize("lifetime_s", [float("nan"), 10**400, "soon", [1]])
async def test_a_token_whose_lifetime_makes_no_sense_is_not_taken(lifetime_s: Any) -> None:
    async with visit(access_token=None, client_id="app", client_secret=SECRET) as at:
        at.shop.lifetime_s = lifetime_s
        with pytest.raises(IntegrationError, match=NO_ANSWER):
            await find(at)


async def test_a_token_that_is_revoked_is_asked_for_once_more() -> None:
    async with visit(access_token=None, client_id="app", client_secret=SECRET) as at:
        await find(at)
        at.shop.tokens = {"another"}

        await find(at)

        assert len(at.shop.token_requests) == 2


async def test_a_wrong_secret_or_token_is_a_matter_of_setting_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for given in (
        {"access_token": "shpat_wrong"},
        {"access_token": None, "client_id": "app", "client_secret": "shpss_wrong"},
        {"access_token": None},
    ):
        async with visit(**given) as at:
            error = await failure(at)
            assert (str(error), error.retryable) == (NOT_SET_UP, False)
    assert "shpat_wrong" not in caplog.text
    assert "shpss_wrong" not in caplog.text


async def test_the_version_of_the_api_is_the_connections() -> None:
    async with visit(api_version="2026-07") as at:
        await find(at)

        assert at.shop.paths == ["/admin/api/2026-07/graphql.json"]


@pytest.mark.parametrize(
    "given",
    [
        {"shop": "example.com"},
        {"shop": "my-shop.myshopify.com.evil.example"},
        {"shop": "my-shop.myshopify.com/admin"},
        {"api_version": "unstable"},
        {"api_version": "2026-10/../x"},
        {"base_url": "http://proxy.example"},
        {"base_url": "ftp://proxy.example"},
    ],
)
async def test_a_connection_that_would_send_the_token_elsewhere_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="write"):
        async with visit(**given):
            pass


async def test_a_check_says_which_shop_answers_or_what_to_do() -> None:
    async with visit() as at:
        good = await at.plugin.check(at.connection, at.ctx)
        at.shop.tokens = set()
        bad = await at.plugin.check(at.connection, at.ctx)

    assert (good.is_ok, good.detail) == (True, "The shop 'Chestnut Street' answers.")
    assert not bad.is_ok
    assert "client ID" in bad.detail
    assert TOKEN not in bad.detail
