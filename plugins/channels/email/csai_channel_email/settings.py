"""What a client sets up for one mailbox."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Literal

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator
from pydantic.config import JsonDict

Inbound = Literal["imap", "mailgun", "postmark", "raw"]
Security = Literal["tls", "starttls", "none"]
_SECURITY_LABELS: JsonDict = {
    "tls": "TLS from the start",
    "starttls": "STARTTLS",
    "none": "none (own network only)",
}


class MailAccount(PluginSettings):
    """One mailbox of a client: where its mail comes from, and how answers leave."""

    address: str = Field(
        default="",
        title="Address",
        description="The mailbox that visitors write to; answers come from it.",
        json_schema_extra={"group": "Mailbox"},
    )
    sender_name: str = Field(
        default="",
        max_length=100,
        title="Sender's name",
        description="Shown beside the address, such as the shop's name.",
        json_schema_extra={"group": "Mailbox"},
    )
    signature: str = Field(
        default="",
        max_length=1000,
        title="Signature",
        description="Added below each answer.",
        json_schema_extra={"group": "Mailbox"},
    )
    inbound: Inbound = Field(
        default="imap",
        title="How mail comes in",
        description="Looked for in the mailbox, or delivered to the account's webhook.",
        json_schema_extra={
            "group": "Mail in",
            "labels": {
                "imap": "IMAP",
                "mailgun": "Mailgun route",
                "postmark": "Postmark inbound",
                "raw": "Whole messages, from your own mail server",
            },
        },
    )
    imap_host: str = Field(
        default="",
        title="IMAP server",
        description="Such as imap.example.com.",
        json_schema_extra={"address": True, "group": "Mail in"},
    )
    imap_port: int = Field(
        default=993,
        gt=0,
        le=65535,
        title="IMAP port",
        description="993 with TLS, else 143.",
        json_schema_extra={"address": True, "group": "Mail in"},
    )
    imap_security: Security = Field(
        default="tls",
        title="IMAP encryption",
        description="How the connection is encrypted.",
        json_schema_extra={"address": True, "group": "Mail in", "labels": _SECURITY_LABELS},
    )
    imap_folder: str = Field(
        default="INBOX",
        title="IMAP folder",
        description="The folder that new mail is looked for in. Nothing in it is changed.",
        json_schema_extra={"group": "Mail in"},
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description=(
            "Mailgun: the HTTP webhook signing key. Postmark: the password in the webhook's address "
            "(https://csai:PASSWORD@...). Your own server: the key that it signs with."
        ),
        json_schema_extra={"group": "Mail in"},
    )
    username: str = Field(
        default="",
        title="User name",
        description="For IMAP and SMTP; empty where it is the address.",
        json_schema_extra={"group": "Access"},
    )
    password: SecretStr | None = Field(
        default=None,
        title="Password",
        description="For IMAP and SMTP. Where the provider has app passwords, use one of those.",
        json_schema_extra={"group": "Access"},
    )
    smtp_host: str = Field(
        default="",
        title="SMTP server",
        description="Such as smtp.example.com.",
        json_schema_extra={"address": True, "group": "Mail out"},
    )
    smtp_port: int = Field(
        default=587,
        gt=0,
        le=65535,
        title="SMTP port",
        description="465 with TLS, 587 with STARTTLS.",
        json_schema_extra={"address": True, "group": "Mail out"},
    )
    smtp_security: Security = Field(
        default="starttls",
        title="SMTP encryption",
        description="How the connection is encrypted.",
        json_schema_extra={"address": True, "group": "Mail out", "labels": _SECURITY_LABELS},
    )
    smtp_username: str = Field(
        default="",
        title="SMTP user name",
        description="Only where sending has another one.",
        json_schema_extra={"group": "Mail out"},
    )
    smtp_password: SecretStr | None = Field(
        default=None,
        title="SMTP password",
        description="Only where sending has another one, such as a provider's server token.",
        json_schema_extra={"group": "Mail out"},
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        given = value.strip()
        if given and (parseaddr(given)[1] != given or given.count("@") != 1 or not given.isascii()):
            raise ValueError("give a bare address, such as help@shop.example")
        return given.lower()

    @field_validator("sender_name", "imap_folder", "username", "smtp_username")
    @classmethod
    def _is_one_line(cls, value: str) -> str:
        if not value.isprintable() or '"' in value:
            raise ValueError("write one line, without quotation marks")
        return value.strip()

    @property
    def login(self) -> tuple[str, str]:
        """User and password for IMAP."""
        return self.username or self.address, _plain(self.password)

    @property
    def smtp_login(self) -> tuple[str, str]:
        """User and password for SMTP; the password is empty where there is nothing to log in with."""
        user, password = self.login
        return self.smtp_username or user, _plain(self.smtp_password) or password


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
