"""csai integration: Shopify."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Integration, hookimpl

from csai_integration_shopify.integration import Shopify


@hookimpl
def register_integrations() -> Sequence[Integration]:
    return [Shopify()]
