"""Orders of the visitor who asks, and of nobody else.

An order is asked for in a list, which is empty for a number that does not exist: never by an address that
answers otherwise for somebody else's.
Source: https://woocommerce.github.io/woocommerce-rest-api-docs/#orders
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from csai_sdk import IntegrationError

from csai_integration_woocommerce.identity import Identity
from csai_integration_woocommerce.rest_api import RestApi

MAX_ORDERS = 10
MAX_PAGES = 3
PAGE_SIZE = 20
NOT_FOUND = "This visitor has no such order. They may look for the number in the order's confirmation."

_ID = re.compile(r"[1-9][0-9]{0,18}")
_NAME = re.compile(r"[0-9A-Za-z._/-]{1,40}")
_FIELDS = (
    "id,number,status,currency,total,total_tax,shipping_total,discount_total,date_created_gmt,"
    "date_paid_gmt,date_completed_gmt,customer_id,billing,line_items,shipping_lines,refunds,meta_data"
)
_TRACKING = "_wc_shipment_tracking_items"


async def order_status(
    api: RestApi, arguments: Mapping[str, Any], identity: Identity | None, *, has_own_numbers: bool
) -> Any:
    number = str(arguments["order"]).strip().removeprefix("#")
    form = _NAME if has_own_numbers else _ID
    if identity is None or not form.fullmatch(number):
        raise IntegrationError(NOT_FOUND)
    asked = {"search": number} if has_own_numbers else {"include": number}
    if identity.kind == "customer_id":
        asked["customer"] = identity.value
    page = await api.page("orders", per_page=str(PAGE_SIZE), _fields=_FIELDS, **asked)
    for order in page.items:
        named = order.get("number") if has_own_numbers else order.get("id")
        if str(named).casefold() == number.casefold() and identity.owns(order):
            return _described(order)
    raise IntegrationError(NOT_FOUND)


async def my_orders(api: RestApi, arguments: Mapping[str, Any], identity: Identity | None) -> Any:
    """The newest first. A page more is read only where the search found orders of others."""
    if identity is None:
        return {"orders": [], "has_more": False}
    limit = int(arguments.get("limit", 5))
    own: dict[str, Mapping[str, Any]] = {}
    is_cut = False
    for word in identity.words:
        found, has_more = await _search(api, word, identity, limit)
        own |= {str(order.get("id")): order for order in found}
        is_cut = is_cut or has_more
    orders = sorted(own.values(), key=lambda order: str(order.get("date_created_gmt")), reverse=True)
    return {
        "orders": [_summary(order) for order in orders[:limit]],
        "has_more": is_cut or len(orders) > limit,
    }


async def _search(
    api: RestApi, word: str, identity: Identity, limit: int
) -> tuple[list[Mapping[str, Any]], bool]:
    asked = {"customer": word} if identity.kind == "customer_id" else {"search": word}
    own: list[Mapping[str, Any]] = []
    for number in range(1, MAX_PAGES + 1):
        page = await api.page(
            "orders",
            page=str(number),
            per_page=str(PAGE_SIZE),
            orderby="date",
            order="desc",
            _fields=_FIELDS,
            **asked,
        )
        own += [order for order in page.items if identity.owns(order)]
        if number >= page.pages:
            return own, False
        if len(own) > limit:
            break
    return own, True


def _summary(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "order": str(order.get("number") or order.get("id")),
        "status": order.get("status"),
        "placed_at": _time(order.get("date_created_gmt")),
        "paid_at": _time(order.get("date_paid_gmt")),
        "completed_at": _time(order.get("date_completed_gmt")),
        "total": order.get("total"),
        "currency": order.get("currency"),
    }


def _described(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_summary(order),
        "items": [
            {"title": each.get("name"), "quantity": each.get("quantity"), "total": each.get("total")}
            for each in _objects(order.get("line_items"))
        ],
        "shipping": order.get("shipping_total"),
        "shipping_methods": [each.get("method_title") for each in _objects(order.get("shipping_lines"))],
        "tax": order.get("total_tax"),
        "discount": order.get("discount_total"),
        "refunds": [each.get("total") for each in _objects(order.get("refunds"))],
        "tracking": _tracking(order),
    }


def _tracking(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the extension Shipment Tracking keeps with an order; WooCommerce itself knows of no parcels."""
    kept = [each.get("value") for each in _objects(order.get("meta_data")) if each.get("key") == _TRACKING]
    return [
        {
            "company": each.get("tracking_provider") or each.get("custom_tracking_provider"),
            "number": each.get("tracking_number"),
            "url": each.get("custom_tracking_link") or None,
        }
        for value in kept
        for each in _objects(value)
    ]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)][:50] if isinstance(value, list) else []


def _time(value: Any) -> str | None:
    """WooCommerce leaves the zone of its times in UTC to the name of the field."""
    return f"{value.removesuffix('Z')}Z" if isinstance(value, str) and value else None
