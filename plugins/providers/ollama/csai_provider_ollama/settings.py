"""What can be set about Ollama."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator


class OllamaSettings(PluginSettings):
    base_url: str = Field(
        default="",
        title="Address",
        description="Where Ollama answers: `host`, `host:port` or a whole URL, such as http://127.0.0.1:11434.",
        json_schema_extra={"group": "Connection", "env": "OLLAMA_HOST", "url": True},
    )
    api_key: SecretStr | None = Field(
        default=None,
        title="API key",
        description="Only for Ollama's cloud or a proxy that asks for a bearer token.",
        json_schema_extra={"group": "Connection", "env": "OLLAMA_API_KEY"},
    )
    model: str = Field(default="", title="Model", description="A model that was pulled, such as llama3.2.")
    tool_calling: Literal["auto", "prompt"] = Field(
        default="auto",
        title="Tool calling",
        description=(
            "auto: the model's own tool calls where it has them, else by prompt. prompt: always by "
            "prompt, for models whose own tool calls are unreliable."
        ),
        json_schema_extra={
            "labels": {"auto": "The model's own where it has them", "prompt": "Always by prompt"}
        },
    )
    keep_alive: str = Field(
        default="",
        title="Keep the model loaded",
        description="For how long after a call, such as 10m; -1 for always. Empty: as Ollama is configured.",
        pattern=r"^(-?\d+(\.\d+)?(ns|us|ms|s|m|h)?)*$",
    )
    num_ctx: int | None = Field(
        default=None,
        ge=512,
        title="Context window",
        description="Tokens of context to load the model with. Empty: as Ollama is configured, often 4096.",
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        title="Model options",
        description='Further options of Ollama\'s API, such as {"top_p": 0.9, "seed": 7}.',
    )

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip()
        url = urlsplit(value if "://" in value else f"http://{value}")
        if url.scheme not in {"http", "https"}:
            raise ValueError("use http:// or https://, or leave the scheme out")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("give host, port and path only; a key belongs into the API key")
        port = url.port  # Raises ValueError for what is no port.
        if value and not (url.hostname or port):
            raise ValueError("name a host")
        return value
