"""What the routes that read and end conversations take and answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from csai.chat.schemas import AnswerMessage, Confirmation, SessionId, Strict
from csai.conversations.repository import MessageRow


class SessionRef(Strict):
    """A conversation, by its session."""

    session_id: SessionId


class HistoryMessage(AnswerMessage):
    """A message as the visitor saw it; `author` is `visitor`, `ai` or `teammate`."""


class History(BaseModel):
    messages: list[HistoryMessage] = Field(description="Oldest first.")
    next: int | None = Field(description="Ask again with `after` set to this for more; null at the end.")
    state: str = Field(
        description="Who answers: ai, queued (nobody until a teammate comes), teammate; or closed."
    )
    teammate: str | None = Field(description="A label for who took it over.")
    live_id: str = Field(
        description="Of what is told here: the `Last-Event-ID` for `GET /chat/events` with `live=true`."
    )
    confirmations: list[Confirmation] = Field(description="Write actions that wait for the visitor's word.")


def message_json(row: MessageRow) -> dict[str, Any]:
    """As `HistoryMessage`."""
    return {
        "id": row.id,
        "role": row.role,
        "author": row.author,
        "content": row.content,
        "created_at": row.timestamp.isoformat(),
    }


class Ended(BaseModel):
    session_id: str
    status: str = Field(description="`ended`.")
