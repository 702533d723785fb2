"""What an admin may set."""

from __future__ import annotations

from typing import Literal

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr

from csai_provider_claude.models import DEFAULT_MODEL

ANTHROPIC_URL = "https://api.anthropic.com"


class ClaudeSettings(PluginSettings):
    api_key: SecretStr | None = Field(
        default=None,
        title="API key",
        description="From console.anthropic.com. A gateway of your own may need none.",
        json_schema_extra={"group": "Connection", "env": "ANTHROPIC_API_KEY"},
    )
    base_url: str = Field(
        default=ANTHROPIC_URL,
        title="Base URL",
        description="Address of the API, without its version path.",
        json_schema_extra={"group": "Connection", "env": "ANTHROPIC_BASE_URL", "url": True},
    )
    model: str = Field(
        default=DEFAULT_MODEL,
        title="Model",
        description="Used where the client names none.",
        json_schema_extra={"group": "Answers"},
    )
    caches_prompt: bool = Field(
        default=True,
        title="Cache the prompt",
        description="Has Anthropic keep what is sent again: tools, instructions, messages of tool rounds.",
        json_schema_extra={"group": "Answers"},
    )
    thinking: Literal["", "disabled", "adaptive"] = Field(
        default="",
        title="Thinking",
        description="Whether the model thinks before it answers. Empty leaves it to the model.",
        json_schema_extra={
            "group": "Answers",
            "labels": {"": "As the model does by itself", "disabled": "Never", "adaptive": "Where it helps"},
        },
    )
