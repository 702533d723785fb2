"""The way to one server for one client: a session that is opened when needed, and anew after it was lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import httpx2
from csai_sdk import PluginContext
from mcp import Client, StdioServerParameters
from mcp.client.session import ClientSession
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from csai_tool_mcp.command import AllowedCommand
from csai_tool_mcp.failure import RequestFailed
from csai_tool_mcp.lines import bounded_utf8
from csai_tool_mcp.process import Processes
from csai_tool_mcp.reply import failure_of
from csai_tool_mcp.session import Session, connected
from csai_tool_mcp.settings import McpServer, McpSettings
from csai_tool_mcp.transport import MAX_ANSWER_BYTES, BoundedTransport, TokenClient

T = TypeVar("T")

# Longer than any call may take: what is still unanswered then is waited for by nobody.
_READ_S = 130.0
_CONNECT_S = 10.0
_CLOSE_S = 5.0


class Connection:
    """Kept for a client by `ctx.resource`; its calls share a session and may run at the same time."""

    def __init__(self, server: McpServer, opening: Callable[[Session], Any]) -> None:
        self.server = server
        self._opening = opening
        self._session: Session | None = None
        self._sessions: set[Session] = set()

    async def request(self, ask: Callable[[ClientSession], Awaitable[T]]) -> T:
        """What `ask` returns of an open session. Raises `RequestFailed`."""
        session = self._current()
        with session.in_use():
            client = await session.client()
            try:
                return await ask(client)
            except Exception as error:  # noqa: BLE001 -- whatever a server makes the SDK raise
                raise failure_of(error) from None

    def _current(self) -> Session:
        if self._session is None or self._session.is_retired:
            self._session = Session(self._opening)
            self._sessions.add(self._session)
            self._session.task.add_done_callback(self._forget(self._session))
        return self._session

    def _forget(self, session: Session) -> Callable[[object], None]:
        return lambda _: self._sessions.discard(session)

    async def aclose(self) -> None:
        tasks = []
        for session in self._sessions:
            session.retire()
            tasks.append(session.task)
        for patience_s in (_CLOSE_S, 1.0):
            if tasks:
                _, left = await asyncio.wait(tasks, timeout=patience_s)
                for task in left:
                    task.cancel()


def open_connection(
    server: McpServer, command: AllowedCommand | None, ctx: PluginContext, processes: Processes
) -> Connection:
    """Nothing is connected yet. `command` is the one that the server names, where it names one."""

    @asynccontextmanager
    async def opening(session: Session) -> AsyncIterator[Client]:
        transport = _http(server, ctx) if command is None else _stdio(server, command, ctx, processes)
        how = {"mode": server.protocol, "client_info": _client_info()}
        async with connected(transport, session, changed=ctx.tools_changed, **how) as client:
            yield client

    return Connection(server, opening)


@asynccontextmanager
async def _http(server: McpServer, ctx: PluginContext) -> AsyncIterator[Any]:
    settings = ctx.settings_as(McpSettings)
    url = settings.url(server)
    async with (
        TokenClient(
            transport=BoundedTransport(ctx.transports.httpx2(is_operator_url=False), url),
            headers={"accept-encoding": "identity", **_auth_headers(server, settings)},
            auth=_oauth(server, settings, url),
            timeout=httpx2.Timeout(_READ_S, connect=_CONNECT_S),
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=MAX_ANSWER_BYTES) as streams,
    ):
        yield streams


@asynccontextmanager
async def _stdio(
    server: McpServer, command: AllowedCommand, ctx: PluginContext, processes: Processes
) -> AsyncIterator[Any]:
    secret = ctx.settings_as(McpSettings).secret(server)
    held = {command.secret_env: secret} if command.secret_env and secret else {}
    parameters = StdioServerParameters(
        command=command.command[0],
        args=command.command[1:],
        env={**command.env, **held},
        cwd=command.cwd,
        encoding=bounded_utf8(),
        encoding_error_handler="replace",
    )
    # What it writes to its standard error may hold anything, and no log is the place for that.
    with processes.one(), open(os.devnull, "w") as nowhere:  # noqa: PTH123, ASYNC230 -- no file, no waiting
        async with stdio_client(parameters, errlog=nowhere) as streams:
            yield streams


def _auth_headers(server: McpServer, settings: McpSettings) -> dict[str, str]:
    secret = settings.secret(server)
    if server.auth in ("none", "oauth"):
        return {}
    if secret is None:
        raise RequestFailed("unsent", "its secret is not set", is_setup=True)
    if server.auth == "url":
        return {}
    return {server.header: secret} if server.auth == "header" else {"authorization": f"Bearer {secret}"}


def _oauth(server: McpServer, settings: McpSettings, url: str) -> httpx2.Auth | None:
    if server.auth != "oauth":
        return None
    from csai_tool_mcp.oauth import client_credentials

    secret = settings.secret(server)
    if secret is None:
        raise RequestFailed("unsent", "its secret is not set", is_setup=True)
    return client_credentials(server, secret, url)


def _client_info() -> Implementation:
    return Implementation(name="csai", version=version("csai-tool-mcp"))
