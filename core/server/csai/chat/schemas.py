"""What the chat routes take."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("the character NUL cannot be stored: leave it out")
    return value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            _no_nul(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError("NaN and infinite numbers are no JSON: leave them out")
        elif isinstance(item, dict):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            stack += item
    return value


Text = Annotated[str, AfterValidator(_no_nul)]
Label = Annotated[str, StringConstraints(max_length=200), AfterValidator(_no_nul)]
Token = Annotated[str, StringConstraints(max_length=4096)]
Hash = Annotated[str, StringConstraints(max_length=64)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_no_nul)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


SessionId = Annotated[str, StringConstraints(max_length=64)]


class ChatMessage(Strict):
    """A visitor's message. Without `session_id` it begins a conversation."""

    message: Text = Field(description="What the visitor wrote; 1 to 16,000 characters.")
    session_id: SessionId | None = Field(None, description="From the first answer of the conversation.")
    message_id: Key | None = Field(
        None, description="Makes a repeat of this request harmless; a UUID in a conversation's first message."
    )
    user_identifier: Label | None = Field(
        None, description="The visitor's id on the host page; a mere label without `user_hash`."
    )
    user_hash: Hash | None = Field(
        None,
        description="Proves `user_identifier`: hexadecimal HMAC-SHA256, with the client's identity secret, "
        "of `visitor:` and the identifier.",
    )
    user_token: Token | None = Field(
        None, description="A JWT signed (HS256) with the client's identity secret; `sub` names the visitor."
    )
    metadata: Annotated[
        dict[str, JsonValue], AfterValidator(_storable), WithJsonSchema({"type": "object"})
    ] = Field(
        default_factory=dict, description="Kept with the conversation, such as the page the visitor is on."
    )

    def fingerprint(self) -> str:
        """Equal for a repeat of the same request. The idempotency key is left out, and so is the proof of who
        the visitor is, which a page renews."""
        asked = self.model_copy(update={"user_token": None, "user_hash": None})
        return hashlib.sha256(asked.model_dump_json(exclude={"message_id"}).encode()).hexdigest()


WORDS = {"approve": "Yes, go ahead.", "decline": "No, do not do it."}


class ChatConfirm(Strict):
    """The visitor's word on a write action. Deciding the same again gives the same answer."""

    session_id: SessionId
    confirmation_id: Annotated[
        str, StringConstraints(min_length=1, max_length=80), AfterValidator(_no_nul)
    ] = Field(description="The `id` of a confirmation.")
    decision: Literal["approve", "decline"]
    message: (
        Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_no_nul)] | None
    ) = Field(None, description="The button's words, kept as the visitor's message. They decide nothing.")
    user_identifier: Label | None = Field(None, description="As in a message.")
    user_hash: Hash | None = Field(None, description="As in a message.")
    user_token: Token | None = Field(None, description="As in a message; private tools need a proof.")

    def words(self) -> str:
        return self.message or WORDS[self.decision]


class AnswerMessage(BaseModel):
    id: str
    role: str
    author: str = Field(
        description="`ai`; `teammate` after a handoff; `system` for a turn that ended as handed_off."
    )
    content: str
    created_at: str = Field(description="ISO 8601, UTC.")


class AnswerToolCall(BaseModel):
    id: str = Field(description="Stable id of the call, as its receiver saw it.")
    name: str
    arguments: dict[str, Any] | None = Field(None, description="Only under a secret key.")
    success: bool
    duration_ms: int


class ConfirmationDetail(BaseModel):
    label: str
    value: str


class Confirmation(BaseModel):
    """A write action that waits for the visitor's word: see `POST /chat/confirm`."""

    id: str
    tool: str
    title: str = Field(description="The tool's name in words.")
    details: list[ConfirmationDetail] = Field(description="What it would be done with, as it is stored.")
    expires_at: str = Field(description="ISO 8601, UTC.")


class AnswerUsage(BaseModel):
    tokens_input: int
    tokens_output: int
    cost: float = Field(description="US dollars.")


class Citation(BaseModel):
    title: str
    url: str


class TurnAnswer(BaseModel):
    """The one outcome of a turn."""

    session_id: str
    session_token: str = Field(description="Show it as X-Session-Token in later requests of this session.")
    turn_id: str
    status: str = Field(description="completed, handed_off, stopped, blocked or failed.")
    message: AnswerMessage
    tool_calls: list[AnswerToolCall]
    confirmations: list[Confirmation] = Field(description="What the visitor is asked to confirm.")
    usage: AnswerUsage | None = Field(None, description="Only under a secret key.")
    citations: list[Citation]


class Stopped(BaseModel):
    session_id: str
    stopped: bool = Field(description="Whether a turn was running and has been stopped.")
