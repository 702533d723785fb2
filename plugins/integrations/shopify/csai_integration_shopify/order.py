"""Orders of the visitor who asks, and of nobody else.

The shop is asked only for orders of that customer, so that somebody else's order and one that does not exist
are the same question with the same answer; what comes back is then looked at again.
Source: https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import IntegrationError

from csai_integration_shopify.admin_api import AdminApi, Query
from csai_integration_shopify.identity import Identity, normal

MAX_ORDERS = 10
MAX_PAGES = 3
NOT_FOUND = "This visitor has no such order. They may look for the number in the order's confirmation."
PARTIAL_NOTE = "The shop left some details out."

_NAME = re.compile(r"[0-9A-Za-z#._/ -]{1,40}")
_OWNER = """
  email phone
  customer { id defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } }"""
_SUMMARY = f"""
  name createdAt cancelledAt displayFinancialStatus displayFulfillmentStatus
  currentTotalPriceSet {{ presentmentMoney {{ amount currencyCode }} }}{_OWNER}"""

ORDERS = Query(
    "MyOrders",
    "orders",
    f"""query MyOrders($first: Int!, $after: String, $query: String!) {{
  orders(first: $first, after: $after, query: $query, sortKey: CREATED_AT, reverse: true) {{
    nodes {{ {_SUMMARY} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
)
ORDER = Query(
    "OrderStatus",
    "orders",
    f"""query OrderStatus($query: String!) {{
  orders(first: 5, query: $query, sortKey: CREATED_AT, reverse: true) {{
    nodes {{ {_SUMMARY}
      cancelReason closedAt
      currentSubtotalPriceSet {{ presentmentMoney {{ amount currencyCode }} }}
      currentTotalTaxSet {{ presentmentMoney {{ amount currencyCode }} }}
      totalShippingPriceSet {{ presentmentMoney {{ amount currencyCode }} }}
      totalRefundedSet {{ presentmentMoney {{ amount currencyCode }} }}
      lineItems(first: 25) {{
        nodes {{ title variantTitle currentQuantity quantity }}
        pageInfo {{ hasNextPage }}
      }}
      fulfillments(first: 10) {{
        displayStatus createdAt estimatedDeliveryAt deliveredAt
        trackingInfo(first: 5) {{ company number url }}
      }}
    }}
  }}
}}""",
)
CUSTOMER = Query(
    "Customer",
    "customerByIdentifier",
    """query Customer($identifier: CustomerIdentifierInput!) {
  customerByIdentifier(identifier: $identifier) { id defaultPhoneNumber { phoneNumber } }
}""",
)


async def order_status(api: AdminApi, arguments: Mapping[str, Any], identity: Identity | None) -> Any:
    name = str(arguments["order"]).strip()
    whose = await _whose(api, identity)
    if identity is None or whose is None or not _NAME.fullmatch(name) or not _bare(name):
        raise IntegrationError(NOT_FOUND)
    answer = await api.ask(ORDER, query=f'name:"{_bare(name)}" AND {whose}')
    for order in _nodes(answer.root):
        if _bare(str(order.get("name"))) == _bare(name) and identity.owns(order):
            found = _described(order)
            return found | {"note": PARTIAL_NOTE} if answer.is_partial else found
    raise IntegrationError(NOT_FOUND)


async def my_orders(api: AdminApi, arguments: Mapping[str, Any], identity: Identity | None) -> Any:
    """The newest first; a page more is read only where the shop's search found orders of others."""
    whose = await _whose(api, identity)
    if identity is None or whose is None:
        return {"orders": [], "has_more": False}
    limit = int(arguments.get("limit", 5))
    own: list[Mapping[str, Any]] = []
    after, has_more = None, True
    for _ in range(MAX_PAGES):
        answer = await api.ask(ORDERS, first=MAX_ORDERS, after=after, query=whose)
        own += [order for order in _nodes(answer.root) if identity.owns(order)]
        page = (answer.root or {}).get("pageInfo") or {}
        has_more, after = page.get("hasNextPage") is True, page.get("endCursor")
        if len(own) > limit or not has_more or not after:
            break
    return {"orders": [_summary(order) for order in own[:limit]], "has_more": has_more or len(own) > limit}


async def _whose(api: AdminApi, identity: Identity | None) -> str | None:
    """The customer as the search for orders names them; it has no word for telephone numbers."""
    if identity is None:
        return None
    if identity.kind == "email":
        return f'email:"{identity.value}"'
    if identity.kind == "customer_id":
        return f"customer_id:{identity.value}"
    answer = await api.ask(CUSTOMER, identifier={"phoneNumber": identity.value})
    customer = normal("customer_id", (answer.root or {}).get("id"))
    return f"customer_id:{customer}" if customer is not None else None


def _bare(name: str) -> str:
    return name.replace("#", "").strip().casefold()


def _nodes(connection: Any) -> Sequence[Mapping[str, Any]]:
    nodes = connection.get("nodes") if isinstance(connection, Mapping) else None
    return [node for node in nodes or () if isinstance(node, Mapping)]


def _summary(order: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "order": order.get("name"),
        "placed_at": order.get("createdAt"),
        "payment": _word(order.get("displayFinancialStatus")),
        "fulfillment": _word(order.get("displayFulfillmentStatus")),
        "cancelled_at": order.get("cancelledAt"),
        "total": _money(order.get("currentTotalPriceSet")),
    }


def _described(order: Mapping[str, Any]) -> dict[str, Any]:
    items = order.get("lineItems") or {}
    return {
        **_summary(order),
        "cancel_reason": _word(order.get("cancelReason")),
        "closed_at": order.get("closedAt"),
        "items": [_item(each) for each in _nodes(items)],
        "has_more_items": (items.get("pageInfo") or {}).get("hasNextPage") is True,
        "subtotal": _money(order.get("currentSubtotalPriceSet")),
        "shipping": _money(order.get("totalShippingPriceSet")),
        "tax": _money(order.get("currentTotalTaxSet")),
        "refunded": _money(order.get("totalRefundedSet")),
        "shipments": [_shipment(each) for each in order.get("fulfillments") or ()],
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    """`quantity` is what is left of what was ordered after changes and refunds."""
    return {
        "title": item.get("title"),
        "variant": item.get("variantTitle"),
        "ordered": item.get("quantity"),
        "quantity": item.get("currentQuantity"),
    }


def _shipment(fulfillment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": _word(fulfillment.get("displayStatus")),
        "shipped_at": fulfillment.get("createdAt"),
        "estimated_delivery_at": fulfillment.get("estimatedDeliveryAt"),
        "delivered_at": fulfillment.get("deliveredAt"),
        "tracking": [
            {"company": each.get("company"), "number": each.get("number"), "url": each.get("url")}
            for each in fulfillment.get("trackingInfo") or ()
        ],
    }


def _money(bag: Any) -> str | None:
    """In the currency that the customer paid in, such as `409.94 USD`."""
    money = bag.get("presentmentMoney") if isinstance(bag, Mapping) else None
    return f"{money.get('amount')} {money.get('currencyCode')}" if isinstance(money, Mapping) else None


def _word(value: Any) -> str | None:
    return value.lower().replace("_", " ") if isinstance(value, str) else None
