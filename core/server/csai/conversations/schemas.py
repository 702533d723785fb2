"""What the routes that read and end conversations take and answer."""

from __future__ import annotations

from pydantic import BaseModel, Field

from csai.chat.schemas import AnswerMessage, SessionId, Strict


class SessionRef(Strict):
    """A conversation, by its session."""

    session_id: SessionId


class HistoryMessage(AnswerMessage):
    """A message as the visitor saw it; `author` is `visitor`, `ai` or `teammate`."""


class History(BaseModel):
    messages: list[HistoryMessage] = Field(description="Oldest first.")
    next: int | None = Field(description="Ask again with `after` set to this for more; null at the end.")


class Ended(BaseModel):
    session_id: str
    status: str = Field(description="`ended`.")
