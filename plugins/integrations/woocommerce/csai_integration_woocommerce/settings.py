"""What an admin fills in for the connection to a shop."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator

VisitorIds = Literal["email", "customer_id", "phone"]


class WooCommerceConnection(PluginSettings):
    """One shop, and the key that csai reads it with."""

    base_url: str = Field(
        default="",
        title="Address of the site",
        description="Where WordPress is, such as https://shop.example or https://example.com/shop.",
        json_schema_extra={"group": "Shop", "url": True},
    )
    consumer_key: str = Field(
        default="",
        title="Consumer key",
        description="Of a REST API key with the permission Read: ck_...",
        json_schema_extra={"group": "Shop"},
    )
    consumer_secret: SecretStr | None = Field(
        default=None,
        title="Consumer secret",
        description="Of the same key: cs_... Without HTTPS it signs each request and is never sent.",
        json_schema_extra={"group": "Shop"},
    )
    visitor_ids: VisitorIds = Field(
        default="email",
        title="Your site names visitors by",
        description=(
            "What your site writes into user_token as the visitor's id. Orders are shown only to the "
            "customer who has it."
        ),
        json_schema_extra={
            "group": "Visitors",
            "labels": {
                "email": "their e-mail address",
                "customer_id": "their WordPress user id",
                "phone": "their telephone number, such as +3545550143",
            },
        },
    )
    calling_code: str = Field(
        default="",
        pattern=r"^[0-9]{0,4}$",
        title="Calling code",
        description=(
            "Of your country, such as 354: customers write telephone numbers without it. Empty: only numbers "
            "written with + and a calling code are compared."
        ),
        json_schema_extra={"group": "Visitors"},
    )
    has_own_numbers: bool = Field(
        default=False,
        title="Orders have numbers of their own",
        description="Switch it on where a plugin of WordPress numbers orders otherwise than by their ids.",
        json_schema_extra={"group": "Shop"},
    )
    shows_quantities: bool = Field(
        default=True,
        title="Say how many are in stock",
        description="Switched off, visitors hear only whether something can be bought.",
        json_schema_extra={"group": "Shop"},
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="As written into each webhook of the shop. Without it no delivery is believed.",
        json_schema_extra={"group": "Webhooks"},
    )
    timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=60,
        title="Timeout in seconds",
        description="The longest that reading from the shop may take.",
        json_schema_extra={"group": "Advanced"},
    )

    @field_validator("base_url")
    @classmethod
    def _is_site(cls, value: str) -> str:
        value = value.strip().rstrip("/").removesuffix("/wp-json/wc/v3").removesuffix("/wp-json")
        parts = urlsplit(value)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username
        if value and not (is_usable and not parts.query and not parts.fragment):
            raise ValueError("write the site's address, such as https://shop.example")
        return value

    @property
    def is_encrypted(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def missing(self) -> str:
        """What is still to be filled in, as a sentence, or nothing."""
        if not self.base_url:
            return "Fill in the site's address."
        if not self.consumer_key or not self.consumer_secret:
            return "Fill in the consumer key and the consumer secret."
        return ""
