"""What the API knows csai by: keys, and tokens that are fetched once, renewed in time and lost by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from csai_integration_rest.integration import RestIntegration
from csai_integration_rest.settings import RestSettings
from csai_integration_rest.sign_in import Refused
from csai_sdk import IntegrationError
from csai_testkit.context import FakeClock, make_context
from csai_testkit.store import MemoryTokens
from pydantic import ValidationError

from plugins.integrations.rest.tests.connecting import READ, connection, fetch
from plugins.integrations.rest.tests.vendor import CLIENT_ID, CLIENT_SECRET, Vendor, running

OAUTH: dict[str, Any] = {
    "auth": "client_credentials",
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "scope": "read all",
}


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with running() as made:
        yield made


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({"auth": "api_key", "api_key": "k"}, "X-API-Key", "k"),
        ({"auth": "api_key", "api_key": "k", "api_key_name": "X-Mine"}, "X-Mine", "k"),
        ({"auth": "basic", "username": "u", "password": "p"}, "Authorization", "Basic dTpw"),
        ({"auth": "bearer", "token": "t"}, "Authorization", "Bearer t"),
    ],
)
async def test_a_request_carries_what_the_api_knows_csai_by(
    vendor: Vendor, settings: dict[str, Any], header: str, value: str
) -> None:
    await fetch(connection(vendor, **settings))
    assert vendor.requests[0].headers[header] == value


async def test_a_key_in_the_query_stands_beside_the_rest(vendor: Vendor) -> None:
    endpoint = replace(READ, request={"query": {"q": "{a}"}})
    settings: dict[str, Any] = {
        "auth": "api_key",
        "api_key": "k&1",
        "api_key_name": "key",
        "api_key_place": "query",
    }
    await fetch(connection(vendor, **settings), endpoint)
    assert vendor.requests[0].path == "/v1/things/x?q=x&key=k%261"


async def test_twenty_calls_at_once_ask_for_one_token(vendor: Vendor) -> None:
    vendor.is_signing_in = True
    connected = connection(vendor, **OAUTH)

    await asyncio.gather(*(fetch(connected) for _ in range(20)))

    assert len(vendor.requests) == 20
    assert vendor.grants == [{"grant_type": "client_credentials", "scope": "read all"}]


async def test_a_token_is_renewed_before_it_is_over_and_not_sooner(vendor: Vendor) -> None:
    clock, connected = FakeClock(), connection(vendor, **OAUTH)
    vendor.is_signing_in = True
    for seconds, given in ((0, 1), (3_500, 1), (80, 2)):
        clock.advance(seconds)
        await fetch(connected, ctx=make_context(clock=clock))
        assert vendor.given == given


async def test_a_lifetime_that_is_text_is_read_too(vendor: Vendor) -> None:
    clock, connected = FakeClock(), connection(vendor, **OAUTH)
    vendor.is_signing_in, vendor.expires_in = True, "100"
    for seconds, given in ((0, 1), (60, 1), (20, 2)):
        clock.advance(seconds)
        await fetch(connected, ctx=make_context(clock=clock))
        assert vendor.given == given


@pytest.mark.parametrize("expires_in", ["soon", "nan", -5, 10**400])
async def test_a_lifetime_that_makes_no_sense_is_taken_for_an_hour(
    vendor: Vendor, expires_in: int | str
) -> None:
    clock, connected = FakeClock(), connection(vendor, **OAUTH)
    vendor.is_signing_in, vendor.expires_in = True, expires_in
    for seconds, given in ((0, 1), (3_500, 1), (80, 2)):
        clock.advance(seconds)
        await fetch(connected, ctx=make_context(clock=clock))
        assert vendor.given == given


async def test_a_refresh_token_is_followed_by_the_one_that_replaced_it(vendor: Vendor) -> None:
    clock, tokens = FakeClock(), MemoryTokens()
    settings = OAUTH | {"auth": "refresh_token", "refresh_token": "refresh-0"}
    vendor.is_signing_in = True
    for _ in range(3):
        await asyncio.gather(
            *(fetch(connection(vendor, tokens, **settings), ctx=make_context(clock=clock)) for _ in range(5))
        )
        clock.advance(4_000)

    used = [grant["refresh_token"] for grant in vendor.grants]
    assert used == ["refresh-0", "refresh-1", "refresh-2"]


async def test_a_token_that_was_called_back_is_renewed_once(vendor: Vendor) -> None:
    vendor.is_signing_in = True
    connected = connection(vendor, **OAUTH)
    await fetch(connected)
    vendor.access = "called back"

    await fetch(connected)

    assert vendor.given == 2
    vendor.is_signing_in, vendor.answers = False, [web.Response(status=401), web.Response(status=401)]
    with pytest.raises(IntegrationError, match="sign-in"):
        await fetch(connected)
    assert vendor.given == 3


@pytest.mark.parametrize("auth", ["client_credentials", "refresh_token"])
async def test_a_refusal_is_not_asked_for_again_and_again(vendor: Vendor, auth: str) -> None:
    clock, tokens = FakeClock(), MemoryTokens()
    settings = OAUTH | {"auth": auth, "refresh_token": "refresh-0"}
    vendor.is_signing_in = True
    vendor.refusal = web.json_response({"error": "invalid_grant"}, status=400)

    async def ask(**more: Any) -> Any:
        return await fetch(connection(vendor, tokens, **settings | more), ctx=make_context(clock=clock))

    said = await asyncio.gather(*(ask() for _ in range(5)), return_exceptions=True)
    assert {type(each) for each in said} == {Refused}
    assert len(vendor.grants) == 1
    clock.advance(61)
    vendor.refusal = web.json_response({"error": "invalid_grant"}, status=400)
    with pytest.raises(IntegrationError, match="set up anew"):
        await ask()
    assert len(vendor.grants) == 2
    vendor.refusal, vendor.refresh = None, "refresh-1"
    assert await ask(refresh_token="refresh-1") == {}, "other credentials are tried at once"


async def test_a_refusal_loses_no_token_that_may_be_good_later(vendor: Vendor) -> None:
    clock, tokens = FakeClock(), MemoryTokens()
    settings = OAUTH | {"auth": "refresh_token", "refresh_token": "refresh-0"}
    made, ctx = connection(vendor, tokens, **settings), make_context(clock=clock)
    vendor.is_signing_in = True
    await fetch(made, ctx=ctx)
    clock.advance(4_000)
    vendor.refusal = web.json_response({"error": "invalid_grant"}, status=400)
    with pytest.raises(IntegrationError):
        await fetch(made, ctx=ctx)

    vendor.refusal = None
    clock.advance(61)
    await fetch(made, ctx=ctx)

    assert [grant["refresh_token"] for grant in vendor.grants] == ["refresh-0", "refresh-1", "refresh-1"]


async def test_a_busy_giver_of_tokens_is_asked_by_the_next_call(vendor: Vendor) -> None:
    made = connection(vendor, **OAUTH)
    vendor.is_signing_in, vendor.refusal = True, web.Response(status=503)
    with pytest.raises(IntegrationError, match="busy"):
        await fetch(made)

    vendor.refusal = None

    assert await fetch(made) == {}


async def test_tokens_that_others_renewed_for_another_address_are_not_sent(vendor: Vendor) -> None:
    """A call of before a change waits for a renewal of after it."""
    tokens = MemoryTokens()
    await fetch(connection(vendor, tokens, **OAUTH, base_url=f"{vendor.url}/v1/new"))
    vendor.requests.clear()

    class Overtaken(MemoryTokens):
        async def read(self) -> Any:
            return None

    overtaken = Overtaken(tokens.kept)
    with pytest.raises(IntegrationError, match="being changed"):
        await fetch(connection(vendor, overtaken, **OAUTH))

    assert vendor.requests == []


async def test_new_credentials_leave_the_old_tokens_behind(vendor: Vendor) -> None:
    tokens = MemoryTokens()
    settings = OAUTH | {"auth": "refresh_token", "refresh_token": "refresh-0"}
    await fetch(connection(vendor, tokens, **settings))
    vendor.refresh = "pasted anew"

    await fetch(connection(vendor, tokens, **(settings | {"refresh_token": "pasted anew"})))

    assert [grant["refresh_token"] for grant in vendor.grants] == ["refresh-0", "pasted anew"]


@pytest.mark.parametrize(
    ("refusal", "is_retryable"),
    [
        (web.json_response({"error": "invalid_grant", "hint": "s:ecret"}, status=400), False),
        (web.Response(status=503), True),
        (web.Response(text="<html>"), False),
        (web.json_response({"access_token": "a\r\nb"}), False),
    ],
)
async def test_a_refused_token_is_told_without_the_vendor_s_words(
    vendor: Vendor, refusal: web.Response, is_retryable: bool
) -> None:
    vendor.refusal = refusal
    with pytest.raises(IntegrationError) as raised:
        await fetch(connection(vendor, **OAUTH))
    assert raised.value.retryable is is_retryable
    assert "ecret" not in str(raised.value)
    assert vendor.requests == []


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "ftp://x.example"},
        {"base_url": "https://user@x.example"},
        {"base_url": "https://x.example/?a=1"},
        {"base_url": "x.example"},
        {"check_path": "me"},
        {"auth": "bearer"},
        {"auth": "client_credentials", "client_id": "x"},
        {"api_key_name": "a b"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("status", "check_path", "is_ok"),
    [
        (200, "/me", True),
        (302, "/me", False),
        (401, "/me", False),
        (404, "/me", False),
        (404, "", True),
        (403, "", False),
    ],
)
async def test_a_check_says_whether_the_api_takes_csai(
    vendor: Vendor, status: int, check_path: str, is_ok: bool
) -> None:
    vendor.answers = [web.json_response({}, status=status)]
    made = connection(vendor, check_path=check_path)
    found = await RestIntegration().check(made, make_context())
    assert found.is_ok is is_ok
    assert vendor.requests[0].path == f"/v1{check_path}"
