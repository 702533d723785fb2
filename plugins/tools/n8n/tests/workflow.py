"""A workflow that answers as a test wants it to, and calls to it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from csai_sdk import PluginContext, ToolInvocation, ToolSpec
from csai_testkit.context import make_context
from csai_tool_n8n.backend import N8nBackend
from csai_tool_n8n.settings import N8nSettings

SECRET = base64.b64encode(b"an only secret of thirty-two byt").decode()


@dataclass
class Workflow:
    """Stands in for n8n: answers with what it is told, keeps what it was asked."""

    answers: list[web.Response] = field(default_factory=list)
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers, await request.read()))
        return self.answers.pop(0)

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.requests[-1][1])
        return parsed


@dataclass
class Naps:
    """Sleeps without taking time."""

    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def invocation(url: str | None, **changes: Any) -> ToolInvocation:
    tool = ToolSpec("get_order_status", "Looks up an order.", {"type": "object"})
    config = {"webhook_url": url} if url else {}
    call = ToolInvocation("turn-1.1.0", tool, {"order_id": "ORD-1001"}, "conversation-1", config)
    return replace(call, **changes)


def context(**changes: Any) -> PluginContext:
    return make_context(N8nSettings(**changes), plugin="n8n", client_id="client-1")


async def run(call: ToolInvocation, ctx: PluginContext | None = None, naps: Naps | None = None) -> Any:
    return await N8nBackend(sleep=naps or Naps()).run(call, ctx or context())


def answer(body: bytes | str, media_type: str = "", status: int = 200, location: str = "") -> web.Response:
    headers = {"content-type": media_type} if media_type else {}
    if location:
        headers["location"] = location
    return web.Response(body=body.encode() if isinstance(body, str) else body, status=status, headers=headers)
