"""The REST integration against an API of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from csai_integration_rest.integration import RestIntegration
from csai_sdk import Endpoint, IntegrationError, SettingsError
from csai_testkit.context import make_context

from plugins.integrations.rest.tests.connecting import READ, Naps, connection, fetch
from plugins.integrations.rest.tests.vendor import Vendor, running


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with running() as made:
        yield made


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


@pytest.mark.parametrize("body", ["{b}", "about {b}"])
async def test_a_body_that_is_an_argument_that_is_missing_is_an_empty_one(vendor: Vendor, body: str) -> None:
    endpoint = replace(READ, url="/search", method="POST", request={"body": body})

    await fetch(connection(vendor), endpoint, arguments={"a": "1"})

    assert vendor.requests[0].body == {}


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
