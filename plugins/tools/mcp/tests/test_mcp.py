"""Tools of an MCP server on this machine: what a model is told of them, whatever becomes of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from csai_sdk import PluginContext, ToolError, ToolInvocation, ToolOutput, ToolSpec
from csai_testkit.context import KeptResources
from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.settings import McpSettings
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import CallToolResult, EmbeddedResource, TextContent, TextResourceContents, ToolAnnotations
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.mcp_server import LocalMcp, local_mcp
from tests.support.waiting import PATIENCE_S

Make = Callable[..., PluginContext]
SECRET = "tok-canary-51"


class Shop:
    """A server with tools of all kinds, and what they did."""

    def __init__(self) -> None:
        self.booked: list[str] = []
        self.meta: list[Mapping[str, Any]] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.server = MCPServer("shop")
        add = self.server.add_tool
        add(self.order, annotations=ToolAnnotations(read_only_hint=True))
        add(self.book, description="Books a slot.")
        add(self.set_note, annotations=ToolAnnotations(idempotent_hint=True))
        add(self.picture, structured_output=False)
        add(self.manual)
        add(self.refuse)
        add(self.wait)

    def order(self, order_id: str) -> dict[str, str]:
        """Looks up an order."""
        return {"id": order_id, "status": "sent"}

    def book(self, slot: str, ctx: Context[Any, Any]) -> str:
        self.booked.append(slot)
        self.meta.append(dict(ctx.request_context.meta or {}))
        return f"booked {slot}"

    async def set_note(self, text: str) -> str:
        """Sets the note."""
        self.booked.append(text)
        self.begun.set()
        await self.go_on.wait()
        return "set"

    def picture(self) -> list[Any]:
        """A picture."""
        return ["Here it is.", Image(data=b"x" * 300, format="png")]

    def manual(self) -> CallToolResult:
        """The manual."""
        page = TextResourceContents(uri="doc://manual", text="Turn it on.")
        return CallToolResult(content=[EmbeddedResource(resource=page), TextContent(text=f"Key {SECRET}")])

    def refuse(self) -> CallToolResult:
        """Refuses."""
        return CallToolResult(content=[TextContent(text=f"no such order, {SECRET}")], is_error=True)

    async def wait(self, text: str = "") -> str:
        """Takes its time."""
        self.booked.append("wait")
        self.begun.set()
        await self.go_on.wait()
        return f"waited {text}"


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    yield shop
    shop.go_on.set()


@pytest.fixture(params=["stateful", "modern"])
async def local(shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[LocalMcp]:
    """The server as those of 2025 are, with sessions that a restart forgets, and as those of 2026."""
    around = refuse_discovery if request.param == "stateful" else None
    async with local_mcp(shop.server, around=around) as running:
        yield running


def refuse_discovery(app: ASGIApp) -> ASGIApp:
    """An old server knows nothing of `server/discover`."""

    async def old(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if headers.get(b"mcp-method") == b"server/discover":
            await JSONResponse({"detail": "what?"}, status_code=400)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return old


@pytest.fixture
async def make(plugin_context: Make) -> AsyncIterator[Make]:
    def context(url: str = "", *, secrets: Mapping[str, str] | None = None, **how: Any) -> PluginContext:
        more = {name: how.pop(name) for name in list(how) if name in ("resources", "tools_changed")}
        server = {"name": "shop", **({"url": url} if url else {}), **how}
        return plugin_context(McpSettings(servers=[server], secrets=secrets or {}), **more)

    return context  # type: ignore[return-value]


def call(tool: str, arguments: Mapping[str, Any] | None = None, **how: Any) -> ToolInvocation:
    spec = ToolSpec(f"shop__{tool}", "", {"type": "object"})
    config = {"server": "shop", "tool": tool}
    return ToolInvocation("call-1", spec, arguments or {}, "conversation-1", config=config, **how)


async def run(
    ctx: PluginContext, tool: str, arguments: Mapping[str, Any] | None = None, **how: Any
) -> ToolOutput:
    return await McpBackend({}).run(call(tool, arguments, **how), ctx)


async def failure(work: Awaitable[Any]) -> ToolError:
    with pytest.raises(ToolError) as caught:
        await work
    return caught.value


async def test_tools_are_listed_with_what_their_server_says_of_them(make: Make, local: LocalMcp) -> None:
    (listing,) = await McpBackend({}).list_tools(make(local.url))
    assert (listing.source, listing.problem) == ("shop", "")
    tools = {tool.spec.name: tool for tool in listing.tools}
    assert tools.keys() == {
        f"shop__{name}" for name in ("order", "book", "set_note", "picture", "manual", "refuse", "wait")
    }
    order, book, note = (tools[f"shop__{name}"] for name in ("order", "book", "set_note"))
    assert (order.spec.is_read_only, order.is_idempotent) == (True, True)
    assert (book.spec.is_read_only, book.is_idempotent) == (False, False)
    assert (note.spec.is_read_only, note.is_idempotent) == (False, True)
    assert book.spec.description == "Books a slot."
    assert book.spec.parameters_schema["required"] == ["slot"]
    assert book.config == {"server": "shop", "tool": "book"}


async def test_results_of_every_kind_become_words(make: Make, local: LocalMcp) -> None:
    ctx = make(local.url, auth="bearer", secrets={"shop": SECRET})
    assert (await run(ctx, "order", {"order_id": "7"})).value == {"id": "7", "status": "sent"}
    told = (await run(ctx, "book", {"slot": "ten"})).value
    assert told == {"text": "booked ten", "structured": {"result": "booked ten"}}
    assert (await run(ctx, "picture")).value == "Here it is.\n\n[image, image/png, 300 bytes, not shown here]"
    assert (await run(ctx, "manual")).value == "[resource doc://manual]\nTurn it on.\n\nKey [hidden]"
    refused = await run(ctx, "refuse")
    assert refused.is_error
    assert "no such order" in refused.value
    assert SECRET not in refused.value


async def test_a_call_carries_its_id_and_the_verified_visitor(
    make: Make, local: LocalMcp, shop: Shop
) -> None:
    ctx = make(local.url)
    await run(ctx, "book", {"slot": "ten"}, visitor_id="ann")
    await run(ctx, "book", {"slot": "two"})
    first, second = shop.meta
    assert first["csai/call_id"] == "call-1"
    assert first["csai/conversation_id"] == "conversation-1"
    assert first["csai/visitor_id"] == "ann"
    assert "csai/visitor_id" not in second


@pytest.mark.parametrize(
    ("how", "header", "shown"),
    [
        ({"auth": "bearer"}, "authorization", f"Bearer {SECRET}"),
        ({"auth": "header", "header": "X-Api-Key"}, "x-api-key", SECRET),
        ({"auth": "none"}, "authorization", None),
    ],
)
async def test_the_secret_is_shown_as_the_admin_said(
    make: Make, local: LocalMcp, how: dict[str, str], header: str, shown: str | None
) -> None:
    await run(make(local.url, secrets={"shop": SECRET}, **how), "book", {"slot": "ten"})
    assert {headers.get(header) for headers in local.received("POST")} == {shown}


async def test_a_secret_in_the_url_is_put_where_it_belongs(make: Make, shop: Shop) -> None:
    async with local_mcp(shop.server, streamable_http_path=f"/s/{SECRET}") as local:
        url = local.url.replace("/mcp", "/s/{secret}")
        assert "booked" in str(
            await run(make(url, auth="url", secrets={"shop": SECRET}), "book", {"slot": "a"})
        )


async def test_a_server_that_wants_a_secret_and_has_none_is_not_asked(make: Make, local: LocalMcp) -> None:
    ctx = make(local.url, auth="bearer")
    error = await failure(run(ctx, "book", {"slot": "ten"}))
    assert "not set up" in str(error)
    (listing,) = await McpBackend({}).list_tools(ctx)
    assert listing.problem == "its secret is not set"
    assert local.requests == []


async def test_a_client_keeps_one_session(make: Make, local: LocalMcp) -> None:
    ctx = make(local.url)
    await asyncio.gather(*(run(ctx, "book", {"slot": str(number)}) for number in range(5)))
    before = len(local.received("POST"))
    await run(ctx, "book", {"slot": "six"})
    assert len(local.received("POST")) == before + 1


async def test_calls_go_on_after_the_server_was_started_anew(make: Make, local: LocalMcp, shop: Shop) -> None:
    ctx = make(local.url)
    await run(ctx, "book", {"slot": "one"})
    await local.die()
    error = await failure(run(ctx, "book", {"slot": "two"}))
    assert (error.is_outcome_known, "cannot be reached" in str(error)) == (True, True)
    await local.start()
    await run(ctx, "book", {"slot": "three"})
    assert shop.booked == ["one", "three"]


async def test_a_restart_between_two_calls_goes_unnoticed(make: Make, local: LocalMcp, shop: Shop) -> None:
    ctx = make(local.url)
    await run(ctx, "book", {"slot": "one"})
    await local.die()
    await local.start()
    await run(ctx, "book", {"slot": "two"})
    assert shop.booked == ["one", "two"]


async def test_what_a_dying_server_was_doing_is_unknown_and_not_repeated(
    make: Make, local: LocalMcp, shop: Shop
) -> None:
    ctx = make(local.url)
    calling = asyncio.create_task(run(ctx, "wait"))
    await shop.begun.wait()
    await local.die()
    error = await failure(calling)
    assert not error.is_outcome_known
    await local.start()
    await run(ctx, "book", {"slot": "ten"})
    assert shop.booked == ["wait", "ten"]


@pytest.mark.parametrize(("is_idempotent", "calls"), [(False, 1), (True, 2)])
async def test_only_an_idempotent_call_is_repeated(
    make: Make, shop: Shop, is_idempotent: bool, calls: int
) -> None:
    fails = [True]
    seen = []

    def failing_once(app: ASGIApp) -> ASGIApp:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            if dict(scope.get("headers", ())).get(b"mcp-method") == b"tools/call":
                seen.append(1)
                if fails and fails.pop():
                    await PlainTextResponse("busy", status_code=503)(scope, receive, send)
                    return
            await app(scope, receive, send)

        return handle

    async with local_mcp(shop.server, around=failing_once) as local:
        work = run(make(local.url), "book", {"slot": "ten"}, is_idempotent=is_idempotent)
        if is_idempotent:
            assert "booked ten" in str((await work).value)
        else:
            assert not (await failure(work)).is_outcome_known
    assert len(seen) == calls


async def test_a_repeat_that_never_left_does_not_make_the_outcome_known(
    make: Make, local: LocalMcp, shop: Shop
) -> None:
    calling = asyncio.create_task(run(make(local.url), "set_note", {"text": "a"}, is_idempotent=True))
    await shop.begun.wait()
    await local.die()
    assert not (await failure(calling)).is_outcome_known


async def test_a_late_answer_is_unknown(make: Make, local: LocalMcp, shop: Shop) -> None:
    ctx = make(local.url)
    await run(ctx, "book", {"slot": "ten"})  # the time is for the call, not for the way to it
    error = await failure(run(ctx, "wait", timeout_s=1.0))
    assert not error.is_outcome_known
    assert shop.booked == ["ten", "wait"]


async def test_a_cancelled_call_ends_at_once_and_the_next_one_works(
    make: Make, local: LocalMcp, shop: Shop
) -> None:
    ctx = make(local.url)
    calling = asyncio.create_task(run(ctx, "wait"))
    await shop.begun.wait()
    calling.cancel()
    _, pending = await asyncio.wait([calling], timeout=3)
    assert not pending
    assert calling.cancelled()
    assert "booked" in str(await run(ctx, "book", {"slot": "ten"}))


async def test_a_changed_list_is_told(make: Make, local: LocalMcp, shop: Shop) -> None:
    told = asyncio.Event()
    ctx = make(local.url, tools_changed=told.set)

    async def grow(ctx: Context[Any, Any]) -> str:
        """Adds a tool."""
        shop.server.add_tool(shop.wait, name="wait_more")
        await ctx.notify_tools_changed()
        await ctx.session.send_tool_list_changed()
        return "grown"

    shop.server.add_tool(grow)
    await run(ctx, "book", {"slot": "ten"})
    heard = asyncio.create_task(told.wait())
    async with asyncio.timeout(PATIENCE_S):
        while not heard.done():  # the server hears where to tell it beside the calls
            await run(ctx, "grow")
            await asyncio.wait([heard], timeout=0.2)
    (listing,) = await McpBackend({}).list_tools(ctx)
    assert "shop__wait_more" in {tool.spec.name for tool in listing.tools}


async def test_closing_leaves_nothing_behind(make: Make, local: LocalMcp) -> None:
    resources = KeptResources()
    before = asyncio.all_tasks()
    await run(make(local.url, resources=resources), "book", {"slot": "ten"})
    await resources.aclose()
    left = {task for task in asyncio.all_tasks() - before if "csai" in repr(task.get_coro())}
    assert left == set()


async def test_a_session_that_nobody_uses_ends(
    make: Make, local: LocalMcp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from csai_tool_mcp import connection, session

    made: list[session.Session] = []

    class Brief(session.Session):
        def __init__(self, opening: session.Opening) -> None:
            super().__init__(opening, idle_s=0.05)
            made.append(self)

    monkeypatch.setattr(connection, "Session", Brief)
    ctx = make(local.url)
    await run(ctx, "book", {"slot": "one"})
    await asyncio.wait_for(made[0].task, PATIENCE_S)
    await run(ctx, "book", {"slot": "two"})
    assert len(made) == 2
