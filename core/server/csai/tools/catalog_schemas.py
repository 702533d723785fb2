"""What the admin's routes for the shared catalog give."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from csai.analytics.schemas import ToolFigures


class SharedTool(ToolFigures):
    """A tool of the shared catalog, with what its calls came to in the last 30 days."""

    tag: str = Field(description="What a change names in `If-Match`.")
    description: str
    category: str
    parameters_schema: dict[str, Any]
    backend: str
    plugin: str | None = Field(description="Whose function it is: such a one is changed by its plugin alone.")
    read_only: bool
    idempotent: bool
    private: bool
    confirm: bool
    clients: int = Field(description="How many have it switched on.")


class SharedTools(BaseModel):
    tools: list[SharedTool] = Field(description="By name.")
    backends: list[str] = Field(description="Those that a tool of the catalog may run through.")


class ToolUser(ToolFigures):
    """What a client's calls came to; `name` is the client's."""

    client_id: str


class ToolUseDay(BaseModel):
    date: dt.date
    calls: int
    succeeded: int
    failed: int
    refused: int = Field(description="Their arguments did not fit, a plugin objected, and the like.")
    unknown: int = Field(description="Begun, and never heard of again.")
    p50_ms: int | None
    p95_ms: int | None


class SharedToolDetail(SharedTool):
    users: list[ToolUser] = Field(description="Who called it; who called it most first.")
    days: list[ToolUseDay] = Field(description="Those on which it was called, oldest first.")


class ToolEvent(BaseModel):
    id: str
    at: datetime
    actor: str
    action: str = Field(examples=["tool.changed"])
    client_id: str | None = Field(description="Whose switch it was; null for the tool itself.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ToolHistory(BaseModel):
    events: list[ToolEvent] = Field(description="Newest first.")
    next: str | None = Field(description="For older ones ask with `before` set to this; null at the end.")


class SchemaDraft(BaseModel):
    """What may become a tool's schema."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"parameters_schema": {"type": "object"}}]}
    )

    parameters_schema: JsonValue


class SchemaFaultItem(BaseModel):
    path: str = Field(description="JSON pointer; empty for the whole schema.", examples=["/properties/count"])
    message: str


class SchemaVerdict(BaseModel):
    faults: list[SchemaFaultItem] = Field(description="None where a tool may have the schema.")


class DeletedTool(BaseModel):
    deleted: str
