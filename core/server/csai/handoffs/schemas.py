"""What the routes of handing over take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from csai.chat.schemas import AnswerMessage, Key, Label, Text
from csai.conversations.schemas import SessionRef

State = Literal["ai", "queued", "teammate", "closed"]


class HandoffRequest(SessionRef):
    """A visitor asks for a person."""

    reason: Annotated[Text, StringConstraints(max_length=1_000)] = Field(
        "", description="Why, in the visitor's words."
    )


class StateChange(SessionRef):
    """Who is to answer from now on."""

    state: State
    teammate: Label | None = Field(None, description="A label for who takes it over, with `teammate` only.")
    reason: Annotated[Text, StringConstraints(max_length=1_000)] = ""


class TeammateMessage(SessionRef):
    """What a teammate says to the visitor."""

    message: Text = Field(description="1 to 16,000 characters.")
    message_id: Key | None = Field(None, description="Makes a repeat of this request harmless.")


class ConversationState(BaseModel):
    session_id: str
    state: State = Field(description="Who answers: ai, queued (nobody yet), teammate; or closed.")
    since: str | None = Field(description="ISO 8601, UTC; null where the AI has answered from the start.")
    teammate: str | None


class Said(BaseModel):
    session_id: str
    message: AnswerMessage
