"""What the admin's routes for channels take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Label = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class AvailableChannel(BaseModel):
    """A channel that the client may have accounts of."""

    id: str
    plugin: str
    is_on: bool = Field(description="Whether its plugin is on for the client.")
    settings_schema: dict[str, Any] = Field(description="JSON Schema of an account's settings.")
    groups: list[dict[str, Any]] = Field(description="The fields in order, under their headings.")


class AccountState(BaseModel):
    """An account; of secrets only whether they are set."""

    id: str
    channel: str
    name: str
    enabled: bool
    webhook_path: str
    webhook_url: str = Field(description="Empty where CSAI_PUBLIC_URL is not set.")
    settings: dict[str, Any]
    secrets: list[str] = Field(description="Names of the secrets that are set.")
    fault: str | None = Field(description="What the vendor, or reading its settings, found wrong.")
    revision: int
    created_at: datetime


class ClientChannels(BaseModel):
    available: list[AvailableChannel]
    accounts: list[AccountState]


class NewAccount(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"channel": "whatsapp", "name": "Support", "settings": {"phone_number_id": "106540352242922"}}
            ]
        },
    )

    channel: str
    name: Label
    settings: dict[str, Any] = {}


class AccountChange(BaseModel):
    """Settings that are left out stay, secrets too; null takes one back."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"enabled": False, "settings": {}}]}
    )

    name: Label | None = None
    enabled: bool | None = None
    settings: dict[str, Any] = {}


class AccountCheck(BaseModel):
    is_ok: bool
    detail: str
