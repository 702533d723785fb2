"""All that is stored of a visitor, or of one conversation, for the one whom it is about."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.privacy.channel_repository import ChannelWordsRepository
from csai.privacy.erasure_repository import ErasureRepository, Subject


async def export_of(connection: AsyncConnection, client_id: str, subject: Subject) -> dict[str, Any]:
    """Conversations with their messages and tool calls, what came and went on channels, what plugins keep."""
    repository = ErasureRepository(connection, client_id)
    conversations = []
    sessions = []
    for row in await repository.conversations(subject):
        conversation_id = row.pop("id")
        sessions.append(row["session_id"])
        conversations.append(
            {
                **row,
                "messages": await repository.messages(conversation_id),
                "feedback": await repository.feedback(conversation_id),
                "tool_calls": await repository.tool_calls(conversation_id),
            }
        )
    return {
        "visitor": subject.external_id,
        "conversations": conversations,
        "channels": await ChannelWordsRepository(connection, client_id).contacts(subject, sessions),
        "plugin_store": await repository.plugin_entries(subject),
    }
