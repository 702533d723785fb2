"""What a client's admin says of a database."""

from __future__ import annotations

import re
from typing import Literal

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator

_HOST = re.compile(r"[A-Za-z0-9_.:-]{0,253}")


class SqlSettings(PluginSettings):
    """One connection to a PostgreSQL database."""

    host: str = Field(
        "",
        title="Host",
        description="Name or address of the database's server.",
        json_schema_extra={"address": True, "group": "Server"},
    )
    port: int = Field(
        5432,
        ge=1,
        le=65535,
        title="Port",
        description="Where it listens.",
        json_schema_extra={"address": True, "group": "Server"},
    )
    database: str = Field(
        "", max_length=63, title="Database", description="Its name.", json_schema_extra={"group": "Server"}
    )
    user: str = Field(
        "",
        max_length=63,
        title="User",
        description="A role that may read what the queries need, and nothing else.",
        json_schema_extra={"group": "Sign-in"},
    )
    password: SecretStr | None = Field(
        None, title="Password", description="The role's.", json_schema_extra={"group": "Sign-in"}
    )
    tls: Literal["verify", "off"] = Field(
        "verify",
        title="Encryption",
        description="Unencrypted, whoever is on the way reads along: only within a network of your own.",
        json_schema_extra={
            "address": True,
            "group": "Encryption",
            "labels": {"verify": "Encrypted, the server's certificate checked", "off": "Unencrypted"},
        },
    )
    ca_certificate: str = Field(
        "",
        max_length=64_000,
        title="Certificate authority",
        description="In PEM, where the server's certificate is not of a public one.",
        json_schema_extra={"address": True, "group": "Encryption"},
    )
    statement_timeout_s: float = Field(
        5.0,
        gt=0,
        le=30,
        title="Timeout in seconds",
        description="How long the database may work on a query; it ends it then.",
        json_schema_extra={"group": "Limits"},
    )
    max_connections: int = Field(
        2,
        ge=1,
        le=10,
        title="Connections",
        description="How many csai may hold open, in each of its processes.",
        json_schema_extra={"group": "Limits"},
    )

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("write one name or address, without a port")
        return value

    @field_validator("database", "user")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("write a name")
        return value

    @field_validator("ca_certificate")
    @classmethod
    def _is_pem(cls, value: str) -> str:
        if value and "-----BEGIN CERTIFICATE-----" not in value:
            raise ValueError("paste the certificate in PEM, from -----BEGIN CERTIFICATE----- on")
        return value
