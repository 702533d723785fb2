"""Servers that mean harm, or are broken: each costs its own calls, within bounds, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai_sdk import PluginContext, ToolError, ToolInvocation, ToolOutput, ToolSpec
from csai_testkit.context import PlainTransports
from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.content import MAX_CHARS
from csai_tool_mcp.listing import MAX_PAGES, MAX_TOOLS
from csai_tool_mcp.settings import McpSettings
from csai_tool_mcp.transport import MAX_ANSWER_BYTES, MAX_STREAMS

from tests.support.waiting import PATIENCE_S

Make = Callable[..., PluginContext]
Handler = Callable[[web.Request, Mapping[str, Any]], Awaitable[web.StreamResponse]]
SECRET = "tok-canary-51"
GZIP: dict[str, Any] = {"Content-Encoding": "gzip"}


def answered(asked: Mapping[str, Any], result: Any, **headers: str) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": result}, headers=headers)


@asynccontextmanager
async def serving(handler: Handler, *, seen: list[str] | None = None) -> AsyncIterator[str]:
    """A server of 2025 that opens sessions as it should, and leaves all else to the handler."""

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await request.json() if request.method == "POST" else {}
        if seen is not None:
            seen.append(asked.get("method", request.method))
        if asked.get("method") == "server/discover":
            return web.json_response({}, status=404)
        if asked.get("method") == "initialize":
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "x", "version": "1"},
            }
            return answered(asked, result, **{"Mcp-Session-Id": "one"})
        if request.method == "POST" and "id" not in asked:
            return web.Response(status=202)
        return await handler(request, asked)

    app = web.Application()
    app.router.add_route("*", "/mcp", handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/mcp"))


def context(make: Make, url: str, *, secret: str = SECRET, **how: Any) -> PluginContext:
    server = {"name": "shop", "url": url, "auth": "bearer"}
    return make(McpSettings(servers=[server], secrets={"shop": secret}), **how)


async def call(ctx: PluginContext, **how: Any) -> ToolOutput:
    config = {"server": "shop", "tool": "look"}
    asked = ToolInvocation(
        "c1", ToolSpec("shop__look", "", {}), {}, config=config, **{"timeout_s": 5.0, **how}
    )
    return await McpBackend({}).run(asked, ctx)


async def failure(ctx: PluginContext, **how: Any) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await call(ctx, **how)
    return caught.value


def of_body(body: bytes, status: int = 200, kind: str = "application/json", **headers: Any) -> Handler:
    async def handle(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        return web.Response(body=body, status=status, content_type=kind, headers=headers)

    return handle


@pytest.mark.parametrize(
    ("handler", "is_known", "words"),
    [
        (of_body(b"{" * 100_000), False, "no answer"),
        (of_body(b'{"jsonrpc": "2.0"'), False, "no answer"),
        (of_body(b"[]"), False, "no answer"),
        (of_body(b"<html>", kind="text/html"), False, "no answer"),
        (of_body(b'"' + b"x" * 2 * MAX_ANSWER_BYTES + b'"'), False, "no answer"),
        (of_body(gzip.compress(b" " * 50_000_000), **GZIP), False, "no answer"),
        (of_body(b"", status=202), False, "no answer"),
        (of_body(b"", status=500), False, "no answer"),
        (of_body(b"data: {\xff\n\n", kind="text/event-stream"), False, "no answer"),
        (of_body(b"", status=401), True, "not set up"),
        (of_body(b"", status=403), True, "not set up"),
        (of_body(b"", status=302, Location="http://127.0.0.1:9/inside"), True, "not set up"),
        (of_body(b"", status=307, Location="/mcp"), True, "not set up"),
        (of_body(b"", status=429), True, "cannot be reached"),
    ],
)
async def test_answers_that_are_none(
    plugin_context: Make, handler: Handler, is_known: bool, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(handler) as url:
        error = await failure(context(plugin_context, url))
    assert (error.is_outcome_known, words in str(error)) == (is_known, True), str(error)
    assert SECRET not in caplog.text
    assert "127.0.0.1:9" not in str(error)


@pytest.mark.parametrize(
    ("secret", "told", "heard"),
    [
        ('to"k\\en', {"key": 'to"k\\en'}, {"key": "[hidden]"}),
        ("4711", {"key": 4711}, '{"key": [hidden]}'),
        ("4711", {"key": "4711", "4711": 1}, {"key": "[hidden]", "[hidden]": 1}),
    ],
    ids=["escaped", "number", "text"],
)
async def test_the_secret_is_hidden_in_whatever_form_it_is_repeated(
    plugin_context: Make, secret: str, told: Any, heard: Any
) -> None:
    async def repeat(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        text = {"type": "text", "text": f"I was told {json.dumps(secret)}."}
        return answered(asked, {"content": [text], "structuredContent": told})

    async with serving(repeat) as url:
        output = await call(context(plugin_context, url, secret=secret))
    assert output.value == {"text": 'I was told "[hidden]".', "structured": heard}


async def test_an_error_that_repeats_the_secret_is_heard_without_it(
    plugin_context: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        error = {"code": -32602, "message": f"wrong order id, {request.headers['authorization']}"}
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": error})

    caplog.set_level(logging.DEBUG, "csai")
    async with serving(refuse) as url:
        output = await call(context(plugin_context, url))
    assert output.is_error
    assert output.value == {"error": "wrong order id, Bearer [hidden]"}
    assert SECRET not in caplog.text


async def test_an_internal_error_may_have_done_it(plugin_context: Make) -> None:
    async def fail(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        error = {"code": -32603, "message": "boom"}
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": error})

    async with serving(fail) as url:
        assert not (await failure(context(plugin_context, url))).is_outcome_known


async def test_a_stream_without_end_is_cut(plugin_context: Make) -> None:
    sent = 0

    async def endless(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        notice = {
            "jsonrpc": "2.0",
            "method": "notifications/message",
            "params": {"level": "info", "data": "x" * 900},
        }
        while True:
            sent += 1
            await response.write(f"data: {json.dumps(notice)}\n\n".encode())

    async with serving(endless) as url:
        error = await failure(context(plugin_context, url), timeout_s=30.0)
    assert not error.is_outcome_known
    # What lay in sockets and buffers beside what was read.
    assert sent * 900 < 40 * MAX_ANSWER_BYTES


async def test_streams_are_not_opened_for_ever(plugin_context: Make) -> None:
    """The server ends its stream at once, and asks to be called again after no time."""
    opened: list[str] = []

    async def handle(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        if request.method == "GET":
            return web.Response(body=b"id: 1\nretry: 0\ndata:\n\n", content_type="text/event-stream")
        return answered(asked, {"content": [{"type": "text", "text": "fine"}]})

    async with serving(handle, seen=opened) as url:
        ctx = context(plugin_context, url)
        assert (await call(ctx)).value == "fine"
        async with asyncio.timeout(PATIENCE_S):
            while not opened.count("GET"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        before = -1
        while before != (before := opened.count("GET")):  # noqa: ASYNC110 -- that no more comes, nobody tells
            await asyncio.sleep(0.3)
        assert 1 <= before <= MAX_STREAMS
        assert (await call(ctx)).value == "fine"


async def test_a_server_that_does_not_answer_costs_its_own_call(plugin_context: Make) -> None:
    slow = asyncio.Event()
    slow.set()

    async def handle(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        if asked.get("params", {}).get("_meta", {}).get("csai/call_id") and not slow.is_set():
            slow.set()
            await asyncio.sleep(60)
        return answered(asked, {"content": [{"type": "text", "text": "fine"}]})

    async with serving(handle) as url:
        ctx = context(plugin_context, url)
        await call(ctx)  # the time is for the call, not for the way to it
        slow.clear()
        hanging = asyncio.create_task(failure(ctx, timeout_s=1.0))
        await slow.wait()
        assert (await call(ctx)).value == "fine"
        assert not (await hanging).is_outcome_known


async def test_a_long_answer_is_cut(plugin_context: Make) -> None:
    async def handle(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        return answered(asked, {"content": [{"type": "text", "text": "x" * 500_000}] * 1})

    async with serving(handle) as url:
        assert len((await call(context(plugin_context, url))).value) == MAX_CHARS


async def listed(make: Make, pages: Callable[[int], Mapping[str, Any]]) -> tuple[str, int]:
    asked_for = 0

    async def handle(request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        nonlocal asked_for
        if asked.get("method") != "tools/list":
            return web.Response(status=405)
        asked_for += 1
        return answered(asked, pages(asked_for))

    async with serving(handle) as url:
        (listing,) = await McpBackend({}).list_tools(context(make, url))
    return listing.problem or f"{len(listing.tools)} tools", asked_for


def tools(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"name": f"t{start + number}", "inputSchema": {"type": "object"}} for number in range(count)]


async def test_a_list_is_read_page_by_page(plugin_context: Make) -> None:
    pages: list[dict[str, Any]] = [
        {"tools": tools(2), "nextCursor": "b"},
        {"tools": tools(2, start=2)},
    ]
    assert await listed(plugin_context, lambda number: pages[number - 1]) == ("4 tools", 2)


async def test_a_list_without_end_is_given_up(plugin_context: Make) -> None:
    problem, asked_for = await listed(plugin_context, lambda number: {"tools": [], "nextCursor": "on"})
    assert (problem, asked_for) == (f"its list of tools has more than {MAX_PAGES} pages", MAX_PAGES)


async def test_a_huge_list_is_not_taken(plugin_context: Make) -> None:
    problem, _ = await listed(plugin_context, lambda number: {"tools": tools(MAX_TOOLS + 1)})
    assert problem == f"it lists more than {MAX_TOOLS} tools"


async def test_a_list_that_is_none_is_a_problem(plugin_context: Make) -> None:
    problem, _ = await listed(plugin_context, lambda number: {"tools": [{"name": 7}]})
    assert problem == "it answers with something that is not MCP"


async def test_where_nothing_listens_the_admin_is_told_so(plugin_context: Make) -> None:
    (listing,) = await McpBackend({}).list_tools(context(plugin_context, "http://127.0.0.1:9/mcp"))
    assert listing.problem.startswith("it cannot be reached")
    assert "127.0.0.1" not in listing.problem


async def test_addresses_are_said_to_be_the_clients(plugin_context: Make) -> None:
    transports = PlainTransports()
    ctx = context(plugin_context, "http://127.0.0.1:9/mcp", transports=transports)
    await McpBackend({}).list_tools(ctx)
    assert set(transports.asked) == {False}
