"""All that is stored of a visitor, or of one conversation, for the one whom it is about."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.privacy.erasure_repository import ErasureRepository, Subject


async def export_of(connection: AsyncConnection, client_id: str, subject: Subject) -> dict[str, Any]:
    """Conversations with their messages and tool calls, and what plugins keep under the visitor's name."""
    repository = ErasureRepository(connection, client_id)
    conversations = []
    for row in await repository.conversations(subject):
        conversation_id = row.pop("id")
        conversations.append(
            {
                **row,
                "messages": await repository.messages(conversation_id),
                "tool_calls": await repository.tool_calls(conversation_id),
            }
        )
    return {
        "visitor": subject.external_id,
        "conversations": conversations,
        "plugin_store": await repository.plugin_entries(subject),
    }
