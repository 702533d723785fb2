"""What the test chat's routes take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from csai.chat.schemas import Confirmation, SessionId, Strict, Text
from csai.kit.text import is_clean
from csai.providers.choice import ModelRef


def _named(value: str) -> str:
    if not (ModelRef.parse(value).provider and is_clean(value)):
        raise ValueError("a provider, or one of its models: provider/model")
    return value


class TrialSetting(Strict):
    """What is other than for the client's visitors."""

    model: Annotated[str, StringConstraints(max_length=300), AfterValidator(_named)] | None = Field(
        None,
        description="`provider/model`, or a provider with the model it has for the client: who answers this "
        "message, and nobody in its place. Without, those whom the client has chosen.",
    )
    plugins: dict[Annotated[str, StringConstraints(max_length=100)], bool] = Field(
        default_factory=dict,
        max_length=200,
        description="Plugins that are on or off for this message alone, against what the client has.",
    )


class TrialMessage(TrialSetting):
    """A message of a test chat. Without `session_id` it begins a new one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "Where is my order ORD-1001?",
                    "model": "claude/claude-haiku-5-5",
                    "plugins": {"demo_shop": False},
                }
            ]
        }
    )

    message: Text = Field(description="What a visitor would write; 1 to 16,000 characters.")
    session_id: SessionId | None = Field(None, description="From the first answer of the test chat.")


class TrialConfirm(TrialSetting):
    """The admin's word, in the visitor's place, on a write action of a test chat."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "4b1d3c0e-5a0f-4f5e-9d5b-0c1a2b3c4d5e",
                    "confirmation_id": "0198c0de-0000-7000-8000-000000000000.c1",
                    "decision": "decline",
                }
            ]
        }
    )

    session_id: SessionId
    confirmation_id: Annotated[Text, StringConstraints(min_length=1, max_length=80)] = Field(
        description="The `id` of a confirmation."
    )
    decision: Literal["approve", "decline"]


class TrialConfirmations(BaseModel):
    session_id: str
    confirmations: list[Confirmation] = Field(description="The oldest first.")


class TrialRound(BaseModel):
    """A call of a model, the values of stored secrets hidden."""

    provider: str
    duration_ms: int
    request: dict[str, Any] = Field(
        description="As it was handed to the provider: model, system, messages, tools and options."
    )
    response: dict[str, Any] | None = Field(
        description="Text, tool_calls, usage, stop_reason and model; null where no whole reply came."
    )
    error: str | None = Field(description="Why no reply came: the kind of failure; null where one did.")


class TrialTurnRounds(BaseModel):
    turn_id: str
    rounds: list[TrialRound] = Field(description="In their order; none where no model was called.")


class TrialRounds(BaseModel):
    session_id: str
    turns: list[TrialTurnRounds] = Field(description="Those that this server remembers, oldest first.")
