"""What the shop says of itself: how it pays and ships, in the settings that everybody sees at the checkout.

Source: https://woocommerce.github.io/woocommerce-rest-api-docs/#setting-options
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csai_integration_woocommerce.page import plain_text
from csai_integration_woocommerce.rest_api import RestApi

_SETTINGS = {
    "woocommerce_currency": "currency",
    "woocommerce_default_country": "country",
    "woocommerce_calc_taxes": "charges_taxes",
}


async def store_info(api: RestApi, _arguments: Mapping[str, Any]) -> Any:
    settings = await api.page("settings/general", _fields="id,value")
    gateways = await api.page("payment_gateways", _fields="id,title,enabled,order")
    zones = await api.page("shipping/zones", _fields="id,name")
    found = {str(each.get("id")): each.get("value") for each in settings.items}
    return {
        **{name: found.get(setting) for setting, name in _SETTINGS.items()},
        "pays_by": [
            plain_text(str(each.get("title") or "")) for each in gateways.items if each.get("enabled") is True
        ],
        "ships_to": [each.get("name") for each in zones.items if each.get("id") != 0],
    }
