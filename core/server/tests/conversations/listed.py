"""Conversations for an operator's list, and what the list says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from csai.kit.identifier import new_id
from csai.models import Conversation, Message

from tests.support.server import Server

LIST = "/admin/conversations"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def add(server: Server, *said: str, client: str | None = None, age_h: float = 1, **values: Any) -> str:
    """A conversation in which this was said; its id."""
    conversation, client_id = new_id(), client or server.client.id
    at = NOW - timedelta(hours=age_h)
    await server.insert(
        Conversation,
        **{
            "id": conversation,
            "client_id": client_id,
            "session_id": new_id(),
            "channel": "widget",
            "started_at": at,
            "last_message_at": at,
            "message_count": len(said),
        }
        | values,
    )
    for seq, content in enumerate(said, 1):
        await server.insert(
            Message,
            id=new_id(),
            client_id=client_id,
            conversation_id=conversation,
            seq=seq,
            role="user",
            author="visitor",
            content=content,
            timestamp=at,
        )
    return conversation
