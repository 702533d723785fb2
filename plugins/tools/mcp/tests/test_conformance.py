"""The plugin of MCP servers keeps what the SDK asks of tool backends."""

from collections.abc import Mapping, Sequence
from typing import Any

from csai_testkit.conformance import ToolBackendSuite
from csai_testkit.conformance.scene import Scene
from csai_testkit.replay import Exchange

PINNED = "2026-07-28"


class TestMcp(ToolBackendSuite):
    """With a pinned version of the protocol, whose servers need no session: a call is one request."""

    plugin = "csai_tool_mcp"

    def settings(self, url: str, secret: str) -> Mapping[str, Any]:
        server = {"name": "shop", "url": f"{url}/mcp", "auth": "bearer", "protocol": PINNED}
        return {"servers": [server], "secrets": {"shop": secret}}

    def secrets(self, scene: Scene) -> set[str]:
        return {scene.secret}

    def config(self, url: str, secret: str) -> Mapping[str, Any]:
        return {"server": "shop", "tool": "look_up"}

    def answer(self, text: str) -> Sequence[Exchange]:
        result = {"content": [{"type": "text", "text": text}], "resultType": "complete"}
        return [Exchange.of_events("/mcp", [{"jsonrpc": "2.0", "id": 1, "result": result}])]
