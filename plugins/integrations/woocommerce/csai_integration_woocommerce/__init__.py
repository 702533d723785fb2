"""csai integration: WooCommerce."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Integration, hookimpl

from csai_integration_woocommerce.integration import WooCommerce


@hookimpl
def register_integrations() -> Sequence[Integration]:
    return [WooCommerce()]
