"""What an admin may set."""

from __future__ import annotations

from typing import Literal

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr

from csai_provider_openai.models import DEFAULT_MODEL

OPENAI_URL = "https://api.openai.com/v1"


class OpenAISettings(PluginSettings):
    api_key: SecretStr | None = Field(
        default=None,
        title="API key",
        description="From platform.openai.com. A server of your own may need none.",
        json_schema_extra={"env": "OPENAI_API_KEY"},
    )
    base_url: str = Field(
        default=OPENAI_URL,
        title="Base URL",
        description="Address of the API with its version path; any server with chat completions will do.",
        json_schema_extra={"env": "OPENAI_BASE_URL", "url": True},
    )
    model: str = Field(
        default=DEFAULT_MODEL,
        title="Model",
        description="Used where the client names none.",
    )
    organization: str = Field(
        default="",
        title="Organization",
        description="OpenAI organization id, for accounts that belong to several.",
        json_schema_extra={"env": "OPENAI_ORG_ID"},
    )
    project: str = Field(
        default="",
        title="Project",
        description="OpenAI project id, for accounts that have several.",
        json_schema_extra={"env": "OPENAI_PROJECT_ID"},
    )
    reasoning_effort: Literal["", "none", "minimal", "low", "medium", "high"] = Field(
        default="",
        title="Reasoning effort",
        description="How long reasoning models think. Empty leaves it to the model.",
    )
    output_cap: Literal["auto", "max_completion_tokens", "max_tokens"] = Field(
        default="auto",
        title="Name of the output limit",
        description="Older servers know only max_tokens, reasoning models only max_completion_tokens.",
    )
    reports_usage: bool = Field(
        default=True,
        title="Ask for token counts",
        description="Switch off for a server that refuses stream_options; its usage is then estimated.",
    )
