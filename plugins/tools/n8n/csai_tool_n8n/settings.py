"""What an admin may set for the n8n backend."""

from __future__ import annotations

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator

from csai_tool_n8n.signature import decode_secret


class N8nSettings(PluginSettings):
    """One client's n8n."""

    signing_secret: SecretStr | None = Field(
        default=None,
        title="Signing secret",
        description=(
            "Base64 of 24 to 64 random bytes, with or without 'whsec_' before it. Calls carry a signature "
            "of it (Standard Webhooks), by which the workflow knows that csai sent them."
        ),
    )
    timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=120,
        title="Timeout in seconds",
        description="The longest that a workflow may take. A tool's own timeout can only be shorter.",
    )

    @field_validator("signing_secret")
    @classmethod
    def _is_usable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            decode_secret(value.get_secret_value())
        return value
