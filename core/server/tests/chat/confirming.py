"""A model that would cancel an order, and the visitor's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from csai.models import ToolExecution
from csai_sdk import ToolCall, tool
from csai_testkit.scripted import ScriptedProvider

from tests.support.server import Server


class Cancellations:
    """A tool that needs the visitor's word, and counts what it did."""

    def __init__(self) -> None:
        self.done: list[str] = []

        @tool(name="cancel_order", confirm=True)
        async def cancel_order(order_id: str, reason: str = "") -> dict[str, str]:
            """Cancels an order."""
            self.done.append(order_id)
            return {"cancelled": order_id}

        self.tool = cancel_order


def asking(*replies: str, order_id: str = "ORD-7") -> ScriptedProvider:
    """A model that wants to cancel, says so, and then says `replies`."""
    call = ToolCall("c1", "cancel_order", {"order_id": order_id})
    return ScriptedProvider([call], ["Shall I cancel it?"], *([reply] for reply in replies))


async def decide(
    server: Server, answer: Mapping[str, Any], decision: str = "approve", **body: Any
) -> httpx.Response:
    return await server.http.post(
        "/chat/confirm",
        json={
            "session_id": answer["session_id"],
            "confirmation_id": answer["confirmations"][0]["id"],
            "decision": decision,
            **body,
        },
        headers=server.as_page(answer),
    )


async def statuses(server: Server) -> list[str]:
    return [row["status"] for row in await server.rows(ToolExecution)]
