"""What an admin may set: a client's MCP servers, and their secrets."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from csai_sdk import PluginSettings
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

MAX_SERVERS = 10
PLACEHOLDER = "{secret}"
_URL = re.compile(r"https?://[^\s/?#@\\]+(?:[/?][^\s#]*)?")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
# The transport's own: a second one would say something else of where a message ends or belongs.
_TAKEN_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)

Auth = Literal["none", "bearer", "header", "url", "oauth"]


class McpServer(BaseModel):
    """One server: reached at `url`, or started by a command that the operator allows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9-]{0,23}$",
            title="Name",
            description="Small letters, digits and hyphens. The names of its tools begin with it.",
            # Says which secret is this server's.
            json_schema_extra={"address": True},
        ),
    ]
    url: str = Field(
        default="",
        max_length=2_000,
        title="URL",
        description="Where it answers over streamable HTTP, such as https://mcp.example.com/mcp.",
        json_schema_extra={"url": True},
    )
    command: str = Field(
        default="",
        max_length=64,
        title="Command",
        description="Instead of a URL: the name of a command that the operator allows.",
        json_schema_extra={"address": True},
    )
    auth: Auth = Field(
        default="none",
        title="Authentication",
        description=(
            "How the server's secret is shown: as a bearer token, in a header of its own, in the URL (in "
            "place of {secret}), or to an OAuth server for an access token (client credentials)."
        ),
        json_schema_extra={"address": True},
    )
    header: str = Field(default="", title="Header", description="For a header of its own: what it is called.")
    oauth_client_id: str = Field(
        default="", max_length=500, title="OAuth client", description="For OAuth: the client's id."
    )
    oauth_issuer: str = Field(
        default="",
        max_length=2_000,
        title="OAuth issuer",
        description="For OAuth: the authorization server's issuer URL. The secret is sent nowhere else.",
        json_schema_extra={"url": True},
    )
    oauth_scope: str = Field(
        default="", max_length=500, title="OAuth scopes", description="For OAuth: with blanks between."
    )
    protocol: Literal["auto", "2026-07-28"] = Field(
        default="auto",
        title="Protocol",
        description="The protocol's version; auto asks the server, which costs a request or two a session.",
    )

    @model_validator(mode="after")
    def _fits(self) -> McpServer:
        if bool(self.url) == bool(self.command):
            raise ValueError(f"server '{self.name}': give either a url or a command")
        if self.url and not (_URL.fullmatch(self.url) and self.url.isprintable()):
            raise ValueError(f"server '{self.name}': write its url like https://mcp.example.com/mcp")
        if self.url and (PLACEHOLDER in self.url) != (self.auth == "url"):
            raise ValueError(f"server '{self.name}': {PLACEHOLDER} in the url goes with the auth 'url'")
        if self.auth == "header" and not (
            _HEADER.fullmatch(self.header) and self._header_is_free(self.header.lower())
        ):
            raise ValueError(f"server '{self.name}': the auth 'header' needs its name, like X-Api-Key")
        if self.auth == "oauth" and not (self.oauth_client_id and _URL.fullmatch(self.oauth_issuer)):
            raise ValueError(
                f"server '{self.name}': the auth 'oauth' needs oauth_client_id and oauth_issuer, a URL"
            )
        return self

    @staticmethod
    def _header_is_free(name: str) -> bool:
        return name not in _TAKEN_HEADERS and not name.startswith("mcp-")


class McpSettings(PluginSettings):
    """One client's MCP servers."""

    servers: list[McpServer] = Field(
        default=[],
        max_length=MAX_SERVERS,
        title="Servers",
        description="The MCP servers whose tools the assistant may be given.",
    )
    secrets: dict[str, SecretStr] = Field(
        default={},
        max_length=MAX_SERVERS,
        title="Secrets",
        description="By the server's name: token, value of the header, part of the URL, or OAuth secret.",
    )
    timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=120,
        title="Timeout in seconds",
        description="The longest that a call may take. A tool's own timeout can only be shorter.",
    )

    @field_validator("servers")
    @classmethod
    def _are_named_apart(cls, value: list[McpServer]) -> list[McpServer]:
        if len({server.name for server in value}) < len(value):
            raise ValueError("two servers have the same name")
        return value

    @field_validator("secrets")
    @classmethod
    def _can_be_sent(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, secret in value.items():
            text = secret.get_secret_value()
            if not (text and text.isascii() and text.isprintable() and text == text.strip()):
                raise ValueError(f"the secret of '{name[:24]}' cannot be sent: check for blanks around it")
        return value

    def secret(self, server: McpServer) -> str | None:
        """In plain, or None where the server has none or is shown none."""
        held = self.secrets.get(server.name)
        return held.get_secret_value() if held else None

    def url(self, server: McpServer) -> str:
        """Where the server answers, with the secret in its place."""
        return server.url.replace(PLACEHOLDER, self.secret(server) or "")
