"""csai gateway: Stripe."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Gateway, PluginSettings, hookimpl

from csai_gateway_stripe.gateway import StripeGateway
from csai_gateway_stripe.settings import StripeSettings

__all__ = ["StripeGateway", "StripeSettings", "register_gateways", "register_settings"]


@hookimpl
def register_settings() -> type[PluginSettings]:
    return StripeSettings


@hookimpl
def register_gateways() -> Sequence[Gateway]:
    return [StripeGateway()]
