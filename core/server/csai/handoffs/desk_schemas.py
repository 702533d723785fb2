"""What the admin's routes for conversations take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from csai.chat.schemas import AnswerMessage, Key, Label, Text
from csai.handoffs.schemas import State

_STRICT = ConfigDict(extra="forbid", strict=True)


class Claim(BaseModel):
    """A teammate takes the conversation."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [{"teammate": "Dana"}]})

    teammate: Annotated[Label, Field(min_length=1, description="The name that the visitor sees.")]
    is_takeover: bool = Field(False, description="Also from another teammate who has it.")


class Release(BaseModel):
    """The teammate leaves the conversation."""

    model_config = ConfigDict(**_STRICT, json_schema_extra={"examples": [{"to": "ai"}]})

    to: Literal["ai", "queued"] = Field("ai", description="Who answers then: the AI, or the next teammate.")


class TeammateWords(BaseModel):
    """What a teammate says to the visitor."""

    model_config = ConfigDict(
        **_STRICT, json_schema_extra={"examples": [{"message": "I have sent it again.", "message_id": "7f3"}]}
    )

    message: Text = Field(description="1 to 16,000 characters.")
    message_id: Key | None = Field(None, description="Makes a repeat of this request harmless.")


class ConversationSummary(BaseModel):
    """A conversation as a teammate sees it in a list."""

    id: str
    session_id: str
    state: State = Field(description="Who answers: ai, queued (nobody yet), teammate; or closed.")
    since: datetime | None = Field(description="Null where the AI has answered from the start.")
    teammate: str | None
    channel: str
    visitor: str | None = Field(description="The label that the host page gave.")
    email: str | None = Field(description="Where the visitor wants to be answered when nobody is there.")
    messages: int
    started_at: datetime
    last_message_at: datetime


class ConversationPage(BaseModel):
    conversations: list[ConversationSummary] = Field(description="The one last spoken in comes first.")
    next: str | None = Field(description="Ask again with `before` set to this for more; null at the end.")


class ConversationView(BaseModel):
    conversation: ConversationSummary
    messages: list[AnswerMessage] = Field(description="Oldest first.")
    next: int | None = Field(description="Ask again with `after` set to this for more; null at the end.")
