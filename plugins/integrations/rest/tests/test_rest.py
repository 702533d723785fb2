"""The REST integration against an API of the test's own."""

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
from csai_sdk import Connection, Endpoint, IntegrationError, PluginContext, SettingsError
from csai_testkit.context import FakeClock, make_context
from csai_testkit.store import MemoryTokens
from pydantic import ValidationError

from plugins.integrations.rest.tests.vendor import CLIENT_ID, CLIENT_SECRET, Vendor, running

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "string"}, "list": {"type": "array"}},
    "required": ["a"],
}
READ = Endpoint("read", "/things/{a}", parameters_schema=SCHEMA)
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


class Naps:
    """Sleeps that take no time, and how long they would have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


def connection(vendor: Vendor, tokens: MemoryTokens | None = None, **settings: Any) -> Connection:
    made = {"base_url": f"{vendor.url}/v1", "token_url": f"{vendor.url}/oauth/token", **settings}
    return Connection("c", RestSettings.model_validate(made), tokens or MemoryTokens())


async def fetch(
    connected: Connection,
    endpoint: Endpoint = READ,
    *,
    arguments: dict[str, Any] | None = None,
    visitor_id: str | None = None,
    ctx: PluginContext | None = None,
    naps: Naps | None = None,
) -> Any:
    integration = RestIntegration((naps or Naps()).sleep)
    integration.check_endpoint(endpoint)
    given = {"a": "x"} if arguments is None else arguments
    return await integration.fetch(
        connected, endpoint, given, visitor_id=visitor_id, ctx=ctx or make_context()
    )


HOSTILE = ["x?admin=1", "x#f", "x&y=1", "x%2F..%2Fadmin", "x;y", "a b", "é", "x=1", ":@", "%00"]


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_value_stays_one_segment_and_one_parameter(vendor: Vendor, value: str) -> None:
    endpoint = replace(READ, request={"query": {"q": "{a}", "fixed": "1", "mixed": "<{a}>"}})

    await fetch(connection(vendor), endpoint, arguments={"a": value})

    (request,) = vendor.requests
    from yarl import URL

    url = URL(request.path, encoded=True)
    assert len(url.raw_path.split("/")) == 4
    assert url.path.rpartition("/")[2] == value or value in ("%00", "x%2F..%2Fadmin")
    assert dict(url.query) == {"q": value, "fixed": "1", "mixed": f"<{value}>"}
    assert "#" not in request.path


@pytest.mark.parametrize(
    "value", ["", ".", "..", "..;", ".;x", "\ud800", 1e400, "a/b", "../admin", "a\\b", "a\r\nb", "x" * 3_000]
)
async def test_what_would_lead_elsewhere_is_not_sent(vendor: Vendor, value: Any) -> None:
    with pytest.raises(IntegrationError, match="'a'"):
        await fetch(connection(vendor), arguments={"a": value})
    assert vendor.requests == []


@pytest.mark.parametrize("value", ["x\r\nX-Admin: 1", "x\ny", "\x00", "é"])
async def test_a_value_adds_no_header(vendor: Vendor, value: str) -> None:
    endpoint = replace(READ, url="/things", request={"headers": {"X-Shop": "{a}"}})

    with pytest.raises(IntegrationError):
        await fetch(connection(vendor), endpoint, arguments={"a": value})
    await fetch(connection(vendor), endpoint, arguments={"a": "plain"})

    assert [request.headers["X-Shop"] for request in vendor.requests] == ["plain"]


async def test_a_body_takes_values_as_they_are_and_leaves_out_what_is_missing(vendor: Vendor) -> None:
    body = {"filter": {"text": "{a}", "more": "{b}"}, "tags": "{list}", "note": "about {a}", "page": 1}
    endpoint = replace(READ, url="/search", method="POST", request={"body": body})

    await fetch(connection(vendor), endpoint, arguments={"a": '"},{"x":1', "list": ["p", {"q": 1}]})

    assert vendor.requests[0].body == {
        "filter": {"text": '"},{"x":1'},
        "tags": ["p", {"q": 1}],
        "note": 'about "},{"x":1',
        "page": 1,
    }


async def test_optional_parameters_are_left_out_and_lists_repeated(vendor: Vendor) -> None:
    endpoint = replace(READ, request={"query": {"b": "{b}", "tag": "{list}"}})

    await fetch(connection(vendor), endpoint, arguments={"a": "1", "list": ["p&q", "r"]})

    assert vendor.requests[0].path == "/v1/things/1?tag=p%26q&tag=r"


async def test_the_visitor_s_id_is_the_server_s_word(vendor: Vendor) -> None:
    endpoint = replace(READ, url="/customers/{visitor_id}/orders", is_private=True)

    await fetch(
        connection(vendor), endpoint, arguments={"a": "1", "visitor_id": "somebody else"}, visitor_id="v-1"
    )
    with pytest.raises(IntegrationError, match="verified"):
        await fetch(connection(vendor), endpoint, visitor_id=None)

    assert [request.path for request in vendor.requests] == ["/v1/customers/v-1/orders"]


TOGETHER: list[dict[str, Any]] = [
    {"request": {"query": {"customer": "{visitor_id}:{a}"}}},
    {"request": {"headers": {"X-Customer": "{visitor_id}{b}"}}},
    {"request": {"body": {"filter": [{"q": "customer:{own} AND {a}"}]}}, "method": "POST"},
    {"url": "/customers/{own}{a}/orders"},
]


@pytest.mark.parametrize("change", TOGETHER)
async def test_nothing_of_the_model_s_stands_in_one_text_with_the_visitor_s_id(
    vendor: Vendor, change: dict[str, Any]
) -> None:
    """It could name another visitor there; and where it is missing, the text went, and the filter with it."""
    properties = {"a": {"type": ["string", "null"]}, "b": {"type": "string"}, "own": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["a"]}
    private = Endpoint("o", "/orders", parameters_schema=schema, is_private=True, visitor_parameters=("own",))
    endpoint, asked = replace(private, **change), {"a": "x OR 1", "own": "v-1"}

    with pytest.raises(SettingsError, match="place of its own"):
        RestIntegration().check_endpoint(endpoint)
    with pytest.raises(SettingsError, match="place of its own"):
        await RestIntegration().fetch(
            connection(vendor), endpoint, asked, visitor_id="v-1", ctx=make_context()
        )

    assert vendor.requests == []


async def test_a_number_that_is_none_in_json_is_not_sent(vendor: Vendor) -> None:
    endpoint = replace(READ, url="/search", method="POST", request={"body": {"n": "{a}"}})

    with pytest.raises(IntegrationError, match="number"):
        await fetch(connection(vendor), endpoint, arguments={"a": float("inf")})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"url": "https://elsewhere.example/x"}, "below the connection"),
        ({"url": "/x?y=1"}, "request.query"),
        ({"url": "/a/../b"}, "dots"),
        ({"url": "/a/%2e%2e/b"}, "dots"),
        ({"url": "/{unknown}"}, "no property"),
        ({"url": "/{b}"}, "required"),
        ({"url": "/{"}, "braces"),
        ({"method": "DELETE"}, "GET"),
        ({"url": "/{visitor_id}"}, "private"),
        ({"is_private": True}, "visitor"),
        ({"request": {"headers": {"Authorization": "x"}}}, "cannot be set"),
        ({"request": {"headers": {"X-A": "é"}}}, "ASCII"),
        ({"request": {"body": {}}}, "POST"),
        ({"request": {"rows": "a..b"}}, "no path"),
        ({"request": {"unknown": 1}}, "request.unknown"),
        ({"request": {"query": {"a": {}}}}, "request.query.a"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        RestIntegration().check_endpoint(replace(READ, **change))


async def test_only_the_fields_that_are_listed_reach_the_model(vendor: Vendor) -> None:
    rows = [{"id": n, "card": "4111", "to": {"city": "Oslo"}, "lines": [{"sku": "s"}]} for n in range(5)]
    vendor.answers = [web.json_response({"data": {"items": rows}})]
    fields = {"id": "id", "city": "to.city", "skus": "lines.sku", "gone": "no.such"}
    endpoint = replace(READ, request={"rows": "data.items", "fields": fields, "limit": 2})

    answer = await fetch(connection(vendor), endpoint)

    assert answer == {
        "rows": [{"id": 0, "city": "Oslo", "skus": ["s"]}, {"id": 1, "city": "Oslo", "skus": ["s"]}],
        "note": "the first 2 of 5",
    }


async def test_a_busy_api_is_asked_again_when_it_says(vendor: Vendor) -> None:
    naps = Naps()
    vendor.answers = [
        web.Response(status=429, headers={"Retry-After": "3"}),
        web.Response(status=503),
        web.json_response({"ok": True}),
    ]

    assert await fetch(connection(vendor), naps=naps) == {"ok": True}

    assert len(naps.taken) == 2
    assert naps.taken[0] == 3.0


async def test_advice_to_wait_past_the_deadline_ends_the_call(vendor: Vendor) -> None:
    naps = Naps()
    vendor.answers = [web.Response(status=429, headers={"Retry-After": "60"})]

    with pytest.raises(IntegrationError) as refusal:
        await fetch(connection(vendor), naps=naps)

    assert (refusal.value.retryable, naps.taken, len(vendor.requests)) == (True, [], 1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": 302, "headers": {"Location": "/v1/elsewhere"}}, "elsewhere"),
        ({"status": 404, "text": "secret words"}, "nothing of that kind"),
        ({"status": 400, "text": "secret words"}, "status 400"),
        ({"text": "NaN"}, "understood"),
        ({"text": "[" * 100_000}, "understood"),
        ({"text": '"' + "x" * 1_100_000 + '"'}, "too large"),
    ],
)
async def test_what_is_wrong_is_said_in_words_of_our_own(
    vendor: Vendor, answer: dict[str, Any], why: str
) -> None:
    vendor.answers = [web.Response(**answer)]

    with pytest.raises(IntegrationError, match=why) as refusal:
        await fetch(connection(vendor))

    assert "secret" not in str(refusal.value)
    assert "127.0.0.1" not in str(refusal.value)
    assert len(vendor.requests) == 1


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
