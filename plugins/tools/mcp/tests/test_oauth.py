"""Servers behind OAuth: tokens are asked for at the issuer that the admin named, and nowhere else."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai_sdk import PluginContext, ToolError, ToolInvocation, ToolOutput, ToolSpec
from csai_tool_mcp.backend import McpBackend
from csai_tool_mcp.settings import McpSettings

Make = Callable[..., PluginContext]
SECRET = "s3cret-canary:51"
CLIENT = "csai"


class Issuer:
    """An authorization server: RFC 8414 metadata and a token endpoint."""

    def __init__(self) -> None:
        self.url = ""
        self.named = ""
        """Who its metadata says that it is; itself where it is empty."""
        self.asked: list[tuple[Mapping[str, str], Mapping[str, list[str]]]] = []
        self.valid: set[str] = set()
        self.answer: Callable[[], web.Response] = self.make
        self.is_gone = False
        self._made = 0

    @property
    def token(self) -> str:
        return f"token-{self._made}"

    def make(self) -> web.Response:
        self._made += 1
        self.valid = {self.token}
        return web.json_response({"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})

    async def metadata(self, request: web.Request) -> web.Response:
        issuer = self.named or self.url
        return web.json_response(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    async def give(self, request: web.Request) -> web.Response:
        if self.is_gone and request.transport is not None:
            request.transport.abort()
        self.asked.append((dict(request.headers), parse_qs(await request.text())))
        return self.answer()


class Protected:
    """An MCP server that wants one of the issuer's tokens, and says where they are got."""

    def __init__(self, issuer: Issuer) -> None:
        self.url = ""
        self.issuer = issuer
        self.advertised: list[str] | None = None
        self.challenge = ""
        self.shown: list[str | None] = []
        self.leaks: list[str] = []
        """What reached this server of the client's secret."""

    async def about(self, request: web.Request) -> web.Response:
        self._look(request, "")
        servers = [self.issuer.url] if self.advertised is None else self.advertised
        return web.json_response({"resource": self.url, "authorization_servers": servers})

    async def other(self, request: web.Request) -> web.Response:
        self._look(request, await request.text())
        return web.Response(status=404)

    async def mcp(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        self._look(request, text)
        shown = request.headers.get("authorization")
        self.shown.append(shown)
        if shown is None or shown.removeprefix("Bearer ") not in self.issuer.valid:
            where = f"{request.url.origin()}/.well-known/oauth-protected-resource/mcp"
            challenge = f'Bearer resource_metadata="{where}"{self.challenge}'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        asked = await request.json() if request.method == "POST" else {}
        if asked.get("method") == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "x", "version": "1"},
            }
        elif asked.get("method") == "tools/call":
            result = {"content": [{"type": "text", "text": "done"}]}
        elif "id" in asked:
            return web.json_response(
                {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "?"}}
            )
        else:
            return web.Response(status=202 if request.method == "POST" else 405)
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def _look(self, request: web.Request, text: str) -> None:
        held = f"{request.url}{dict(request.headers)}{text}"
        if any(each in held for each in (SECRET, "s3cret", _basic())):
            self.leaks.append(held)


def _basic() -> str:
    return base64.b64encode(b"csai:s3cret-canary%3A51").decode()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/oauth-authorization-server", issuer.metadata)
    app.router.add_post("/token", issuer.give)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("/")).rstrip("/")
        yield issuer


@pytest.fixture
async def protected(issuer: Issuer) -> AsyncIterator[Protected]:
    protected = Protected(issuer)
    app = web.Application()
    app.router.add_route("*", "/mcp", protected.mcp)
    app.router.add_get("/.well-known/oauth-protected-resource/mcp", protected.about)
    app.router.add_route("*", "/{rest:.*}", protected.other)
    async with TestServer(app) as server:
        protected.url = str(server.make_url("/mcp"))
        yield protected


@pytest.fixture
def ctx(plugin_context: Make, issuer: Issuer, protected: Protected) -> PluginContext:
    server = {
        "name": "shop",
        "url": protected.url,
        "auth": "oauth",
        "oauth_client_id": CLIENT,
        "oauth_issuer": issuer.url,
        "oauth_scope": "orders.read orders.write",
    }
    return plugin_context(McpSettings(servers=[server], secrets={"shop": SECRET}))


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


async def test_a_token_is_got_at_the_issuer_and_shown_to_the_server(
    ctx: PluginContext, issuer: Issuer, protected: Protected
) -> None:
    assert (await call(ctx)).value == "done"
    assert (await call(ctx)).value == "done"

    ((headers, form),) = issuer.asked
    assert headers["Authorization"] == f"Basic {_basic()}"
    assert form["grant_type"] == ["client_credentials"]
    assert form["resource"] == [protected.url]
    assert form["scope"] == ["orders.read orders.write"]
    assert set(protected.shown[1:]) == {"Bearer token-1"}
    assert protected.leaks == []


async def test_a_token_that_is_taken_back_is_got_anew(
    ctx: PluginContext, issuer: Issuer, protected: Protected
) -> None:
    await call(ctx)
    issuer.valid.clear()

    assert (await call(ctx)).value == "done"

    assert len(issuer.asked) == 2
    assert protected.shown[-1] == "Bearer token-2"


async def test_the_secret_goes_to_no_other_server_that_is_named(
    ctx: PluginContext, issuer: Issuer, protected: Protected, caplog: pytest.LogCaptureFixture
) -> None:
    """The MCP server names itself, with metadata that its own web server would give."""
    protected.advertised = [protected.url.removesuffix("/mcp")]
    caplog.set_level(logging.DEBUG)

    error = await failure(ctx)

    assert (error.is_outcome_known, "not set up" in str(error)) == (True, True)
    assert (issuer.asked, protected.leaks) == ([], [])
    assert SECRET not in caplog.text


async def test_the_secret_goes_to_no_issuer_that_says_to_be_another(
    ctx: PluginContext, issuer: Issuer, protected: Protected
) -> None:
    issuer.named = "https://elsewhere.example"

    error = await failure(ctx)

    assert (error.is_outcome_known, "not set up" in str(error)) == (True, True)
    assert (issuer.asked, protected.leaks) == ([], [])


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"error": "invalid_client", "error_description": SECRET}, status=401),
        lambda: web.json_response({"error": "invalid_scope"}, status=400),
        lambda: web.Response(text="<html>"),
        lambda: web.Response(body=b"x" * 2_000_000),
        lambda: web.Response(status=500),
    ],
)
async def test_an_issuer_that_gives_no_token_costs_the_call(
    ctx: PluginContext,
    issuer: Issuer,
    answer: Callable[[], web.Response],
    caplog: pytest.LogCaptureFixture,
) -> None:
    issuer.answer = answer
    caplog.set_level(logging.DEBUG)

    error = await failure(ctx)

    assert error.is_outcome_known
    assert SECRET not in f"{caplog.text}{error}"
    (listing,) = await McpBackend({}).list_tools(ctx)
    assert listing.problem
    assert SECRET not in listing.problem


@pytest.mark.parametrize("is_gone", [False, True])
async def test_a_token_that_cannot_be_renewed_costs_just_that_call(
    ctx: PluginContext, issuer: Issuer, protected: Protected, is_gone: bool
) -> None:
    """The server has turned the call away, so it was not done; the session serves the next one."""
    await call(ctx)
    issuer.valid.clear()
    issuer.is_gone = is_gone
    issuer.answer = lambda: web.json_response({"error": "invalid_client"}, status=400)

    assert (await failure(ctx)).is_outcome_known

    issuer.is_gone, issuer.answer = False, issuer.make
    assert (await call(ctx)).value == "done"


async def test_a_server_cannot_ask_for_more_scopes(
    ctx: PluginContext, issuer: Issuer, protected: Protected
) -> None:
    protected.challenge = ', scope="admin everything"'

    assert (await call(ctx)).value == "done"

    assert [form["scope"] for _, form in issuer.asked] == [["orders.read orders.write"]]


async def test_a_token_endpoint_that_redirects_is_not_followed(
    ctx: PluginContext, issuer: Issuer, protected: Protected
) -> None:
    elsewhere = protected.url.removesuffix("/mcp")
    issuer.answer = lambda: web.Response(status=307, headers={"Location": f"{elsewhere}/take"})

    await failure(ctx)

    assert protected.leaks == []
