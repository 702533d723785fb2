"""An MCP server on a loopback port, made with the official SDK: a vendor of the plugin `mcp`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.types import ASGIApp, Receive, Scope, Send

Around = Callable[[ASGIApp], ASGIApp]


@dataclass
class LocalMcp:
    """A server that a test starts, ends and starts again at the same address. It keeps what it is asked."""

    server: MCPServer
    options: dict[str, Any] = field(default_factory=dict)
    around: Around | None = None
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Method and headers, in their order."""
    port: int = 0
    _running: tuple[uvicorn.Server, asyncio.Task[None]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def received(self, method: str) -> list[dict[str, str]]:
        return [headers for name, headers in self.requests if name == method]

    async def start(self) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen()
        self.port = listening.getsockname()[1]
        app: ASGIApp = self.server.streamable_http_app(**self.options)
        config = uvicorn.Config(
            self._noting(self.around(app) if self.around else app),
            log_config=None,
            ws="none",
            timeout_graceful_shutdown=0,
        )
        running = uvicorn.Server(config)
        self._running = running, asyncio.create_task(running._serve([listening]))
        while not running.started:  # noqa: ASYNC110 -- uvicorn tells nobody
            await asyncio.sleep(0.005)

    async def die(self) -> None:
        """End it with all of its sessions, as a crash would."""
        if self._running is None:
            return
        running, task = self._running
        self._running = None
        running.should_exit = True
        for connection in list(running.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await task

    def _noting(self, app: ASGIApp) -> ASGIApp:
        async def noted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                self.requests.append((scope["method"], headers))
            await app(scope, receive, send)

        return noted


@asynccontextmanager
async def local_mcp(
    server: MCPServer, *, around: Around | None = None, **options: Any
) -> AsyncIterator[LocalMcp]:
    local = LocalMcp(server, options, around)
    await local.start()
    try:
        yield local
    finally:
        await local.die()
