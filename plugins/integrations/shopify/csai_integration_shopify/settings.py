"""What an admin fills in for the connection to a shop."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator

VisitorIds = Literal["email", "customer_id", "phone"]

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,98}\.myshopify\.com")
_VERSION = re.compile(r"20\d\d-(?:01|04|07|10)")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class ShopifyConnection(PluginSettings):
    """One shop, and the app in it that csai reads through."""

    shop: str = Field(
        default="",
        title="Shop",
        description="The shop's own domain, such as my-shop.myshopify.com.",
        json_schema_extra={"address": True, "group": "Shop"},
    )
    visitor_ids: VisitorIds = Field(
        default="email",
        title="Your site names visitors by",
        description=(
            "What your site writes into user_token as the visitor's id. Orders are shown only to the "
            "customer who has it."
        ),
        json_schema_extra={
            "group": "Shop",
            "labels": {
                "email": "their e-mail address",
                "customer_id": "their Shopify customer id",
                "phone": "their telephone number, such as +3545550143",
            },
        },
    )
    client_id: str = Field(
        default="",
        title="Client ID",
        description="Of the app in Shopify's Dev Dashboard, under Settings.",
        json_schema_extra={"group": "App"},
    )
    client_secret: SecretStr | None = Field(
        default=None,
        title="Client secret",
        description=(
            "Of the same app. With the client ID it gets access tokens, and Shopify signs webhooks with it."
        ),
        json_schema_extra={"group": "App"},
    )
    access_token: SecretStr | None = Field(
        default=None,
        title="Admin API access token",
        description=(
            "Only for an app made in the shop's own admin (before 2026), which shows a token: shpat_... "
            "The client secret is then that app's API secret key, and is needed for webhooks alone."
        ),
        json_schema_extra={"group": "App"},
    )
    shows_quantities: bool = Field(
        default=True,
        title="Say how many are in stock",
        description="Switched off, visitors hear only whether something can be bought.",
        json_schema_extra={"group": "Shop"},
    )
    api_version: str = Field(
        default="2026-10",
        title="API version",
        description="A stable version of the Admin API, such as 2026-10. Shopify keeps each for a year.",
        json_schema_extra={"group": "Advanced"},
    )
    base_url: str = Field(
        default="",
        title="Base address",
        description="Only where the Admin API is reached through a proxy: https://... instead of the shop.",
        json_schema_extra={"group": "Advanced", "url": True},
    )
    timeout_s: float = Field(
        default=20.0,
        gt=0,
        le=60,
        title="Timeout in seconds",
        description="The longest that reading from the shop may take, waiting for its rate limit included.",
        json_schema_extra={"group": "Advanced"},
    )

    @field_validator("shop")
    @classmethod
    def _is_shop(cls, value: str) -> str:
        value = value.strip().lower().removeprefix("https://").rstrip("/")
        if value and not _SHOP.fullmatch(value):
            raise ValueError("write the shop's own domain, such as my-shop.myshopify.com")
        return value

    @field_validator("api_version")
    @classmethod
    def _is_stable(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError("write a stable version of the Admin API, such as 2026-10")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_encrypted(cls, value: str) -> str:
        parts = urlsplit(value)
        is_usable = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if value and not (is_usable and parts.hostname and not parts.query and not parts.fragment):
            raise ValueError("write an https address, as the access token is sent to it")
        return value.rstrip("/")

    @property
    def address(self) -> str:
        """Where the shop's Admin API is."""
        return self.base_url or f"https://{self.shop}"

    @property
    def missing(self) -> str:
        """What is still to be filled in, as a sentence, or nothing."""
        if not self.shop:
            return "Fill in the shop's domain."
        if self.access_token is None and not (self.client_id and self.client_secret):
            return "Fill in the app's client ID and client secret."
        return ""
