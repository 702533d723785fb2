"""What the operator says of their Stripe account."""

from __future__ import annotations

from csai_sdk import PluginSettings
from pydantic import Field, SecretStr


class StripeSettings(PluginSettings):
    api_key: SecretStr | None = Field(
        default=None,
        title="API key",
        description="A secret key (sk_...) or restricted key (rk_...) of your Stripe account.",
        json_schema_extra={"env": "STRIPE_API_KEY", "group": "Connection"},
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="The signing secret (whsec_...) of the webhook endpoint; two with a comma between them "
        "while one is being replaced.",
        json_schema_extra={"env": "STRIPE_WEBHOOK_SECRET", "group": "Webhooks"},
    )
    return_url: str = Field(
        default="",
        title="Return address",
        description="The page that somebody sees after paying at Stripe's. Needed for payments by link.",
        json_schema_extra={"env": "STRIPE_RETURN_URL", "address": False, "group": "Payments by link"},
    )
    base_url: str = Field(
        default="https://api.stripe.com",
        title="Base URL",
        description="Where Stripe's API answers; another address is of use in tests.",
        json_schema_extra={"env": "STRIPE_API_BASE", "url": True, "group": "Connection"},
    )
    webhook_tolerance_s: int = Field(
        default=300,
        ge=1,
        le=3_600,
        title="Webhook tolerance",
        description="How many seconds a webhook's signature may lie in the past or the future.",
        json_schema_extra={"env": "STRIPE_WEBHOOK_TOLERANCE_S", "group": "Webhooks"},
    )
