"""What the admin's routes for plugins take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class InstalledPlugin(BaseModel):
    """One installed plugin."""

    id: str
    kinds: list[str] = Field(description="What it registered: provider, tool, tool backend, hooks and so on.")
    distribution: str
    version: str
    state: str = Field(description="loaded, quarantined, or not allowed (by CSAI_PLUGINS).")
    cause: str | None = Field(description="Why it is not in use.")
    remedy: str | None = Field(description="What to do about it.")
    is_on_by_default: bool = Field(description="Whether a client has it that was not given it.")


class InstalledPlugins(BaseModel):
    plugins: list[InstalledPlugin]


class Fault(BaseModel):
    """Why a client's settings cannot be used; the plugin is off for that client until this is mended."""

    code: str = Field(
        description="setting_invalid, secret_unreadable, settings_not_migrated or settings_too_new."
    )
    cause: str
    remedy: str


class SettingField(BaseModel):
    """Where a setting comes from. Secrets have no other trace than this."""

    is_secret: bool
    source: Literal["client", "environment", "default"]
    is_set: bool
    env: str | None = Field(description="The variable that sets it for the whole installation.")
    is_env_set: bool


class FieldGroup(BaseModel):
    title: str = Field(description="Empty for fields without a heading.")
    fields: list[str]


class ClientPluginState(BaseModel):
    """A plugin as a client has it."""

    id: str
    kinds: list[str]
    version: str
    enabled: bool
    state: Literal["on", "off", "unusable"] = Field(
        description="unusable: it is enabled, but its settings cannot be used; `fault` says why."
    )
    is_on_by_default: bool
    fault: Fault | None
    settings: dict[str, JsonValue] = Field(description="What was set for the client; never a secret.")
    fields: dict[str, SettingField]
    settings_schema: dict[str, Any] = Field(description="JSON Schema of the settings, for drawing a form.")
    groups: list[FieldGroup] = Field(description="The fields in the order in which a form shows them.")
    revision: int = Field(description="Grows with every change; also the ETag.")
    can_undo: bool
    updated_at: datetime | None


class ClientPluginStates(BaseModel):
    plugins: list[ClientPluginState]


class PluginChange(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"enabled": True, "settings": {"timeout_s": 20, "signing_secret": "whsec_..."}}]
        },
    )

    enabled: bool | None = Field(None, strict=True)
    settings: dict[str, Any] = Field(
        default_factory=dict, description="By name, secrets too; null takes a setting back."
    )
    reset: bool = Field(False, strict=True, description="Forget everything that was set before.")


class PreviewedTools(BaseModel):
    gone: list[str]
    added: list[str]
    available: list[str] = Field(
        description="Tools that it brings and the client has not switched on: they stay off."
    )


class PreviewedChain(BaseModel):
    now: list[str]
    then: list[str]


class PreviewedNames(BaseModel):
    gone: list[str]
    added: list[str]


class PluginPreview(BaseModel):
    """What would be different at the next turn. Nothing was changed."""

    plugin: str
    enabled_now: bool
    enabled_then: bool
    tools: PreviewedTools
    providers: PreviewedChain = Field(description="Who would be asked, one after the other.")
    locales: PreviewedNames
    hooks: PreviewedNames = Field(description="Events that it would no longer, or newly, take part in.")
    warnings: list[str]
