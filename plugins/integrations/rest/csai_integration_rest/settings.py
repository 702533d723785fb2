"""What a client's admin says of an API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator, model_validator

from csai_integration_rest.template import HEADER_NAME

Auth = Literal["none", "api_key", "basic", "bearer", "client_credentials", "refresh_token", "consent"]


class RestSettings(PluginSettings):
    """One connection to an API."""

    base_url: str = Field(
        "",
        title="Address",
        description="Where the API's paths begin, such as https://api.shop.example/v1. Without a query.",
        json_schema_extra={"url": True, "group": "API"},
    )
    check_path: str = Field(
        "",
        title="Path to test",
        description="What a test of the connection reads, such as /me; the address itself where left empty.",
        json_schema_extra={"group": "API"},
    )
    timeout_s: float = Field(
        15.0,
        gt=0,
        le=60,
        title="Timeout in seconds",
        description="How long an answer may take, repeats included.",
        json_schema_extra={"group": "API"},
    )
    auth: Auth = Field(
        "none",
        title="Sign-in",
        description="How the API knows who asks.",
        json_schema_extra={
            "group": "Sign-in",
            "labels": {
                "none": "None",
                "api_key": "API key",
                "basic": "User name and password",
                "bearer": "Bearer token",
                "client_credentials": "OAuth 2: client credentials",
                "refresh_token": "OAuth 2: refresh token",
                "consent": "OAuth 2: an admin's consent",
            },
        },
    )
    api_key: SecretStr | None = Field(
        None,
        title="API key",
        description="For the sign-in by API key.",
        json_schema_extra={"group": "Sign-in"},
    )
    api_key_name: str = Field(
        "X-API-Key",
        title="Name of the key",
        description="The header or the parameter that carries it.",
        json_schema_extra={"group": "Sign-in"},
    )
    api_key_place: Literal["header", "query"] = Field(
        "header",
        title="Place of the key",
        description="Prefer a header: addresses are written to logs.",
        json_schema_extra={"group": "Sign-in", "labels": {"header": "Header", "query": "Query parameter"}},
    )
    username: str = Field(
        "",
        title="User name",
        description="For user name and password.",
        json_schema_extra={"group": "Sign-in"},
    )
    password: SecretStr | None = Field(
        None,
        title="Password",
        description="For user name and password.",
        json_schema_extra={"group": "Sign-in"},
    )
    token: SecretStr | None = Field(
        None,
        title="Bearer token",
        description="For the sign-in by token.",
        json_schema_extra={"group": "Sign-in"},
    )
    authorize_url: str = Field(
        "",
        title="Consent address",
        description="Where an admin lets csai in, such as https://login.shop.example/oauth/authorize.",
        json_schema_extra={"address": False, "group": "OAuth 2"},
    )
    token_url: str = Field(
        "",
        title="Token address",
        description="Where OAuth 2 tokens are given, such as https://login.shop.example/oauth/token.",
        json_schema_extra={"url": True, "group": "OAuth 2"},
    )
    client_id: str = Field(
        "", title="Client id", description="csai's name at the API.", json_schema_extra={"group": "OAuth 2"}
    )
    client_secret: SecretStr | None = Field(
        None, title="Client secret", description="And its password.", json_schema_extra={"group": "OAuth 2"}
    )
    client_auth: Literal["basic", "post"] = Field(
        "basic",
        title="Client sign-in",
        description="How csai proves itself where tokens are given.",
        json_schema_extra={"group": "OAuth 2", "labels": {"basic": "In a header", "post": "In the body"}},
    )
    scope: str = Field(
        "",
        title="Scope",
        description="What may be read, as the API names it; several with blanks between them.",
        json_schema_extra={"group": "OAuth 2"},
    )
    refresh_token: SecretStr | None = Field(
        None,
        title="Refresh token",
        description="From the API's own page. Once used, csai keeps those that follow it.",
        json_schema_extra={"group": "OAuth 2"},
    )

    @field_validator("base_url", "token_url", "authorize_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not _is_plain_url(value):
            raise ValueError("write an http or https address without a user name, a query or a fragment")
        return value.rstrip("/")

    @field_validator("check_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if value and (not value.startswith("/") or not value.isprintable() or "#" in value):
            raise ValueError("write a path that begins with /")
        return value

    @field_validator("api_key_name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not HEADER_NAME.fullmatch(value):
            raise ValueError("write a name of a header or of a parameter")
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        oauth = {"token_url": self.token_url, "client_id": self.client_id}
        needed: Mapping[str, Mapping[str, Any]] = {
            "none": {},
            "api_key": {"api_key": self.api_key},
            "basic": {"username": self.username, "password": self.password},
            "bearer": {"token": self.token},
            "client_credentials": {**oauth, "client_secret": self.client_secret},
            "refresh_token": {**oauth, "refresh_token": self.refresh_token},
            "consent": {**oauth, "authorize_url": self.authorize_url},
        }
        missing = [name for name, value in needed[self.auth].items() if not value]
        if missing:
            raise ValueError(f"this sign-in needs {', '.join(missing)}")
        return self


def _is_plain_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_bare = not (parts.query or parts.fragment or parts.username or parts.password)
    return is_whole and is_bare and value.isascii() and value.isprintable() and " " not in value
