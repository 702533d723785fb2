"""What the routes of handing over take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from csai.chat.schemas import AnswerMessage, Key, Label, Text
from csai.conversations.schemas import SessionRef
from csai.kit.email import MAX_EMAIL_CHARS, visitor_email

State = Literal["ai", "queued", "teammate", "closed"]


class HandoffRequest(SessionRef):
    """A visitor asks for a person."""

    reason: Annotated[Text, StringConstraints(max_length=1_000)] = Field(
        "", description="Why, in the visitor's words."
    )
    email: (
        Annotated[str, StringConstraints(max_length=MAX_EMAIL_CHARS), AfterValidator(visitor_email)] | None
    ) = Field(None, description="Where to answer when nobody is there; takes the place of an earlier one.")


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
    email: str | None = Field(
        None, description="Where the visitor wants to be answered; only under a secret key."
    )


class Said(BaseModel):
    session_id: str
    message: AnswerMessage
