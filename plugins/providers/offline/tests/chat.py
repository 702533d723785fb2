"""A chat with the provider that is no model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from csai_provider_offline import OfflineProvider
from csai_sdk import (
    AssistantMessage,
    Message,
    ModelReply,
    ModelRequest,
    Passage,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from csai_testkit.context import FakeClock, make_context

WEDNESDAY = datetime(2026, 3, 4, 9, tzinfo=UTC)


def string(description: str, **rest: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **rest}


def tool(
    name: str, description: str, /, *, read_only: bool = False, **properties: dict[str, Any]
) -> ToolSpec:
    required = [key for key, schema in properties.items() if "default" not in schema]
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name, description, schema, is_read_only=read_only)


ORDER = tool(
    "get_order_status",
    "Look up where an order is.",
    read_only=True,
    order_id=string("The order number, for example ORD-1001."),
)
STOCK = tool(
    "check_inventory",
    "Check whether a product is in stock and what it costs.",
    read_only=True,
    product=string("The product's name.", examples=["blue kettle"]),
    quantity={"type": "integer", "description": "How many are wanted.", "default": 1, "minimum": 1},
)
BOOK = tool(
    "book_appointment",
    "Book an appointment in the shop.",
    date=string("The day as YYYY-MM-DD.", pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    time=string("The time as HH:MM.", pattern="^[0-9]{1,2}:[0-9]{2}$"),
    name=string("Who comes."),
    service={"type": "string", "enum": ["consultation", "tea tasting"], "default": "consultation"},
)
TOOLS = (ORDER, STOCK, BOOK)
PASSAGES = (
    Passage(
        "1", "Opening hours", "We are open Monday to Friday from 9 to 18. On Saturdays we open until 14."
    ),
    Passage("2", "Returns", "You can return unused items within 30 days.\nItems on sale cannot be returned."),
    Passage(
        "3", "Shipping", "# Cost\nShipping is free above 50 euros.\n# Time\nOrders arrive within 3 days."
    ),
    Passage("4", "FAQ", "Q: Do you have a gift wrapping service?\nA: Yes, we wrap any item for 3 euros."),
    Passage("5", "Tracking an order", "Your order number looks like ORD-1001."),
    Passage("6", "Where to find us", "The shop is at the old harbour, by the fish market."),
    Passage("7", "שעות פתיחה", "החנות פתוחה בימים ראשון עד חמישי. ביום שישי החנות סגורה."),
)


async def reply_to(messages: Sequence[Message], **changes: Any) -> ModelReply:
    fields = {
        "model": "",
        "system": "",
        "messages": messages,
        "tools": TOOLS,
        "passages": PASSAGES,
        **changes,
    }
    context = make_context(plugin="offline", clock=FakeClock(WEDNESDAY))
    *chunks, reply = [part async for part in OfflineProvider().stream(ModelRequest(**fields), context)]
    assert isinstance(reply, ModelReply)
    assert "".join(map(str, chunks)) == reply.text
    assert all(chunks)
    return reply


async def ask(text: str, **changes: Any) -> ModelReply:
    return await reply_to((UserMessage(text),), **changes)


def calls_of(reply: ModelReply) -> list[tuple[str, Any]]:
    return [(call.name, call.arguments) for call in reply.tool_calls]


class Chat:
    """A conversation in which every tool answers with the results given."""

    def __init__(self, **results: Any) -> None:
        self.results = results
        self.messages: list[Message] = []

    async def say(self, text: str) -> ModelReply:
        """The last reply to the text; `calls` tells what was called on the way."""
        self.messages.append(UserMessage(text))
        self.calls: list[tuple[str, Any]] = []
        while True:
            reply = await reply_to(self.messages)
            self.messages.append(AssistantMessage(reply.text, reply.tool_calls, provider="offline"))
            if not reply.tool_calls:
                return reply
            self.calls += calls_of(reply)
            self.messages.append(
                ToolMessage(
                    tuple(
                        ToolResult(call.id, call.name, json.dumps(self.results.get(call.name, {"ok": True})))
                        for call in reply.tool_calls
                    )
                )
            )
