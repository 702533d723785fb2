"""What the admin's routes for integrations take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from csai_sdk import Endpoint
from pydantic import BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema

from csai.integrations.draft import DEFAULT_CACHE_S, MAX_CACHE_S, EndpointDraft
from csai.plugins.schemas import Fault, FieldGroup, SettingField

NO_ARGUMENTS: dict[str, JsonValue] = {"type": "object", "properties": {}, "additionalProperties": False}
JsonObject = Annotated[dict[str, JsonValue], WithJsonSchema({"type": "object"})]


class IntegrationType(BaseModel):
    """A kind of system that connections can be made to."""

    type: str
    plugin: str
    is_plugin_on: bool = Field(description="Whether the client has the plugin switched on.")
    settings_schema: dict[str, Any] = Field(description="JSON Schema of a connection, for drawing a form.")
    groups: list[FieldGroup]


class ConnectionState(BaseModel):
    """A connection as the client has it. Secrets have no other trace than `fields`."""

    id: str
    type: str
    name: str
    enabled: bool
    state: Literal["on", "off", "unusable"] = Field(
        description="unusable: it is enabled, but its settings cannot be used; `fault` says why."
    )
    fault: Fault | None
    obstacles: list[str] = Field(description="What keeps it from being read, each with what to do.")
    settings: dict[str, JsonValue] = Field(description="What was set; never a secret.")
    fields: dict[str, SettingField]
    last_sync_test: datetime | None
    last_test_ok: bool | None
    last_test_detail: str | None
    revision: int = Field(description="Grows with every change; also the ETag.")
    created_at: datetime
    updated_at: datetime | None


class ClientIntegrations(BaseModel):
    integrations: list[ConnectionState]
    available: list[IntegrationType]


class NewConnection(BaseModel):
    """A connection to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "rest",
                    "name": "Our shop",
                    "settings": {"base_url": "https://api.shop.example", "auth": "bearer", "token": "..."},
                }
            ]
        },
    )

    type: str
    name: str | None = Field(None, description="What people call it; its type where left out.")
    enabled: bool = Field(True, strict=True)
    settings: dict[str, Any] = Field(default_factory=dict, description="By name, secrets too.")


class ConnectionPatch(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"enabled": False, "settings": {"token": "..."}}]}
    )

    name: str | None = None
    enabled: bool | None = Field(None, strict=True)
    settings: dict[str, Any] = Field(
        default_factory=dict, description="By name, secrets too; null takes a setting back."
    )


class TestOutcome(BaseModel):
    is_ok: bool
    detail: str = Field(description="In words that are safe to show.")


class OfferedTool(BaseModel):
    tool_name: str
    enabled: bool


class EndpointState(BaseModel):
    """A named piece of live data of a connection."""

    name: str
    is_ready: bool = Field(description="Whether the integration itself brings it; such cannot be changed.")
    url: str
    method: str
    description: str
    parameters_schema: dict[str, Any]
    request: dict[str, Any]
    is_private: bool = Field(description="Only for visitors whose identity is verified.")
    visitor_parameters: list[str] = Field(
        description="Arguments that the server fills with the visitor's id; a model never sees them."
    )
    cache_s: int
    revision: int = Field(description="0 for a ready one that was never offered; also the ETag.")
    tool: OfferedTool | None = Field(description="What it is offered to the model as.")


class EndpointStates(BaseModel):
    endpoints: list[EndpointState]


class EndpointBody(BaseModel):
    """An endpoint; on a change it takes the place of what was there."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "url": "/orders/{order_id}",
                    "description": "An order with its status.",
                    "parameters_schema": {
                        "type": "object",
                        "properties": {"order_id": {"type": "string"}},
                        "required": ["order_id"],
                    },
                }
            ]
        },
    )

    url: str = ""
    method: str = Field("GET", max_length=10)
    description: str
    parameters_schema: JsonObject = Field(default_factory=lambda: dict(NO_ARGUMENTS))
    request: JsonObject = Field(default_factory=dict, description="In the integration's own way.")
    is_private: bool = False
    visitor_parameters: list[str] = Field(default_factory=list)
    cache_s: int = Field(
        DEFAULT_CACHE_S, description=f"Seconds that an answer may be given again, 0 to {MAX_CACHE_S}."
    )

    def draft(self, name: str) -> EndpointDraft:
        return EndpointDraft(
            Endpoint(
                name=name,
                url=self.url,
                method=self.method,
                description=self.description,
                parameters_schema=self.parameters_schema,
                is_private=self.is_private,
                request=self.request,
                visitor_parameters=tuple(self.visitor_parameters),
            ),
            self.cache_s,
        )


class NewEndpoint(EndpointBody):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "order_status",
                    "url": "/orders/{order_id}",
                    "description": "An order with its status.",
                    "parameters_schema": {
                        "type": "object",
                        "properties": {"order_id": {"type": "string"}},
                        "required": ["order_id"],
                    },
                }
            ]
        },
    )

    name: str


class DocumentImport(BaseModel):
    """A document that describes endpoints: the text itself, or where it is."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"url": "https://api.shop.example/openapi.json"}]},
    )

    document: str | None = None
    url: str | None = Field(None, max_length=2_000)


class SkippedOperation(BaseModel):
    name: str
    reason: str


class ImportOutcome(BaseModel):
    added: list[str] = Field(description="Endpoints that there are now; none is offered to the model yet.")
    skipped: list[SkippedOperation]


class OfferChange(BaseModel):
    """How an endpoint is offered to the model."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"enabled": True}]}
    )

    enabled: bool = True
    tool_name: str | None = Field(None, description="As it was, or the endpoint's name, where left out.")
