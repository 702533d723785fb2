"""Endpoints are read from a document, and what of it cannot be had is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import csai_integration_rest
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import ServerFactory
from tests.support.systems import Connected, connect

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {"get": {"operationId": "orders", "summary": "All."}, "post": {}},
        "/odd": {
            "get": {
                "operationId": "odd",
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "pattern": "("}}],
            }
        },
    },
}


@pytest.fixture
async def site() -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(DOCUMENT)

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/openapi.json")

    app = web.Application()
    app.router.add_get("/openapi.json", answer)
    app.router.add_get("/moved", elsewhere)
    async with TestServer(app) as running:
        yield str(running.make_url("")).rstrip("/")


async def connected(make_server: ServerFactory, **settings: Any) -> tuple[Operator, Connected]:
    server = await make_server(ScriptedProvider(), plugins={"rest": csai_integration_rest}, **settings)
    operator = await sign_in(server)
    return operator, await connect(operator, type_="rest", base_url="https://api.shop.example")


async def test_a_document_is_pasted_and_told_of(make_server: ServerFactory) -> None:
    operator, made = await connected(make_server)

    first = await operator.ask("POST", f"{made.path}/import", json={"document": json.dumps(DOCUMENT)})
    again = await operator.ask("POST", f"{made.path}/import", json={"document": json.dumps(DOCUMENT)})

    assert first.status_code == 200, first.text
    assert first.json()["added"] == ["orders"]
    assert {each["name"] for each in first.json()["skipped"]} == {"POST /orders", "odd"}
    assert again.json()["added"] == []
    assert "already" in str(again.json()["skipped"])
    (endpoint,) = (await operator.get(f"{made.path}/endpoints"))["endpoints"]
    assert (endpoint["name"], endpoint["tool"]) == ("orders", None)


async def test_a_document_is_fetched_through_the_guard(make_server: ServerFactory, site: str) -> None:
    operator, made = await connected(make_server)

    refused = await operator.ask("POST", f"{made.path}/import", json={"url": f"{site}/openapi.json"})

    assert (refused.status_code, refused.json()["code"]) == (422, "document_unreachable")
    assert "127.0.0.1" not in refused.text


async def test_a_document_is_fetched_where_it_is_and_nowhere_else(
    make_server: ServerFactory, site: str
) -> None:
    operator, made = await connected(make_server, egress_allow="127.0.0.0/8")

    moved = await operator.ask("POST", f"{made.path}/import", json={"url": f"{site}/moved"})
    found = await operator.ask("POST", f"{made.path}/import", json={"url": f"{site}/openapi.json"})

    assert (moved.status_code, moved.json()["code"]) == (422, "document_unreachable")
    assert found.json()["added"] == ["orders"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request_invalid"),
        ({"document": "x", "url": "https://x.example"}, "request_invalid"),
        ({"document": "no document"}, "document_invalid"),
    ],
)
async def test_what_is_no_document_is_refused(
    make_server: ServerFactory, body: dict[str, Any], code: str
) -> None:
    operator, made = await connected(make_server)
    answer = await operator.ask("POST", f"{made.path}/import", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
