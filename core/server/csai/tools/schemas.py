"""What the admin's routes for tools take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

CallStatus = Literal[
    "waiting", "declined", "replaced", "intended", "succeeded", "failed", "refused", "unknown"
]


class ClientTool(BaseModel):
    """A tool of the catalog as a client has it. Its webhook's address may be a secret, and is not given."""

    name: str
    tag: str = Field(description="What a change names in `If-Match`; another one with whatever changes here.")
    description: str
    category: str
    backend: str
    plugin: str | None = Field(description="Whose function it is; null where a backend runs it.")
    read_only: bool
    private: bool = Field(description="Only for visitors whose identity is verified.")
    confirm: bool = Field(description="Only when the visitor has agreed.")
    parameters_schema: dict[str, Any]
    enabled: bool
    has_webhook: bool
    timeout_s: float = Field(description="Seconds that a call may take.")
    source: str | None = Field(
        description="Which of the client's own systems offers it; null where it is shared."
    )
    fingerprint: str | None = Field(
        description="Of its definition, where one of the client's own systems offers it."
    )
    gone: bool = Field(description="Whether that system offers it no more.")
    changed: bool = Field(
        description="Whether it is no longer what was switched on; not used until it is switched on again."
    )
    obstacles: list[str] = Field(description="What keeps it from being used, each with what to do.")
    calls: int = Field(description="In the last 30 days; so are the counts and times that follow.")
    success_rate: float | None = Field(
        description="Succeeded of those that ran, 0 to 1; null where none ran."
    )
    mean_ms: int | None
    longest_ms: int | None


class RefusedTool(BaseModel):
    name: str
    reason: str


class ToolSource(BaseModel):
    """One of the client's own systems, as it was when its tools were last listed."""

    backend: str
    source: str = Field(description="What the plugin's settings call it.")
    tools: int = Field(description="How many it offers that can be used.")
    refused: list[RefusedTool] = Field(description="Those that cannot, at most 20.")
    problem: str = Field(description="Why it could not be asked; empty where it could.")
    listed_at: datetime


class ClientTools(BaseModel):
    tools: list[ClientTool]
    sources: list[ToolSource]


class SourceListing(BaseModel):
    """What listing one system's tools has changed in the client's catalog."""

    backend: str
    source: str
    tools: int
    added: list[str] = Field(description="New ones, which are off.")
    changed: list[str] = Field(description="Those that are no longer used until they are switched on again.")
    returned: list[str] = Field(description="Those that were gone, and are back as they were.")
    gone: list[str]
    refused: list[RefusedTool]
    problem: str


class ToolListings(BaseModel):
    sources: list[SourceListing]


class ToolChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"enabled": True, "webhook_url": "https://n8n.example/webhook/x"}]},
    )

    enabled: bool | None = None
    webhook_url: str | None = Field(None, description="Where it is answered. Never given back.")
    timeout_s: float | None = Field(None, description="More than 0, at most 120.")
    confirm: bool | None = Field(
        None, description="Ask the visitor first. Only for tools that the client's own systems offer."
    )
    private: bool | None = Field(
        None, description="Only for verified visitors. Only for tools that the client's own systems offer."
    )


class ToolTrial(BaseModel):
    """A call to be tried."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"arguments": {"order_id": "ORD-1001"}}]},
    )

    arguments: Annotated[dict[str, JsonValue], WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict, description="As the tool's schema says."
    )
    visitor_id: str | None = Field(
        None, max_length=200, description="Whom a private tool is to take for the verified visitor."
    )
    may_act: bool = Field(False, description="Really do what a tool that changes something does.")


class TrialOutcome(BaseModel):
    status: Literal["succeeded", "failed", "unknown"]
    response: str = Field(description="As a model would be told it: JSON, or text.")
    duration_ms: int


class Call(BaseModel):
    """One call of the log."""

    id: str
    call_id: str = Field(description="As the tool's receiver saw it.")
    tool_name: str
    session_id: str
    turn_id: str
    status: CallStatus
    arguments: dict[str, Any] = Field(description="Empty once retention or erasure has taken them.")
    response: str | None
    duration_ms: int | None
    timestamp: datetime


class Calls(BaseModel):
    calls: list[Call] = Field(description="Newest first.")
    next: str | None = Field(description="For older ones ask with `before` set to this; null at the end.")
