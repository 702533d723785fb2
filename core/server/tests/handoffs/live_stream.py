"""A visitor's live connection, as a browser has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from tests.support.server import Server

PATIENCE_S = 30.0


class Stream:
    """A connection that stays open, as a browser has it; the test client would wait for its end."""

    def __init__(self, server: Server, answer: Any, query: str = "live=true", **headers: str) -> None:
        transport = server.http._transport
        assert isinstance(transport, httpx.ASGITransport)
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = ""
        self._has_left = asyncio.Event()
        self.status = 0
        self.last_id = ""
        sent = {"X-API-Key": server.client.secret_key, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/chat/events/{answer['session_id']}",
            "raw_path": b"",
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("csai.test", 80),
        }
        self._task = asyncio.create_task(self._run(transport.app, scope))

    async def _run(self, app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            self._chunks.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._chunks.put_nowait(message.get("body", b""))

    async def block(self) -> str | None:
        """The next piece between empty lines; None at the end."""
        while "\n\n" not in self._rest:
            async with asyncio.timeout(PATIENCE_S):
                chunk = await self._chunks.get()
            if chunk is None:
                return None
            self._rest += chunk.decode()
        block, self._rest = self._rest.split("\n\n", 1)
        return block

    async def opened(self) -> Stream:
        assert await self.block() == ": following", self.status
        return self

    async def event(self) -> tuple[str, Any] | None:
        """Name and data of the next event; None at the end."""
        while (block := await self.block()) is not None:
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "id" in fields:
                self.last_id = fields["id"]
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])
        return None

    async def rest(self) -> list[tuple[str, Any]]:
        """All events up to the end."""
        return [event async for event in self]

    async def __aiter__(self) -> AsyncIterator[tuple[str, Any]]:
        while (event := await self.event()) is not None:
            yield event

    async def leave(self) -> None:
        self._has_left.set()
        await self._task


async def post(server: Server, path: str, answer: Any, **body: Any) -> Any:
    response = await server.http.post(
        f"/chat/{path}",
        json={"session_id": answer["session_id"], **body},
        headers={"X-API-Key": server.client.secret_key},
    )
    assert response.status_code == 200, response.text
    return response.json()


async def begun(server: Server) -> Any:
    return (await server.say("Hi")).json()
