"""A shop that speaks the Admin API: orders by a search, products, a bucket of query cost, tokens that end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from csai_integration_shopify.integration import Shopify
from csai_integration_shopify.settings import ShopifyConnection
from csai_sdk import Connection, PluginContext
from csai_testkit.context import FakeClock, KeptResources, make_context

from plugins.integrations.shopify.tests.schema import refusals

SHOP = "my-shop.myshopify.com"
TOKEN = "shpat_0123456789abcdef"
SECRET = "shpss_fedcba9876543210"
VECTORS = Path(__file__).resolve().parents[4].parent / "shared" / "vectors"

_FIELD = re.compile(r'(\w+):"([^"]*)"|(\w+):(\S+)')


def recorded_order() -> dict[str, Any]:
    """Shopify's own example of an order, as the Admin API gives it, with all that it could give."""
    path = VECTORS / "commerce" / "shopify_order.json"
    if not path.exists():
        pytest.skip("the recorded order is not in this checkout: shared/vectors/commerce")
    rest = json.loads(path.read_text())["order"]
    return make_order(
        rest["name"],
        email=rest["email"],
        customer_id=rest["customer"]["id"],
        phone=None,
        createdAt=rest["created_at"],
        displayFinancialStatus=rest["financial_status"].upper(),
        shippingAddress=rest["shipping_address"],
        billingAddress=rest["billing_address"],
        currentTotalPriceSet=money(rest["total_price"]),
        currentSubtotalPriceSet=money(rest["subtotal_price"]),
        currentTotalTaxSet=money(rest["total_tax"]),
        lineItems={
            "nodes": [
                {
                    "title": each["title"],
                    "variantTitle": each["variant_title"],
                    "quantity": each["quantity"],
                    "currentQuantity": each["quantity"],
                }
                for each in rest["line_items"]
            ],
            "pageInfo": {"hasNextPage": False},
        },
        fulfillments=[
            {
                "displayStatus": each["status"].upper(),
                "createdAt": each["created_at"],
                "trackingInfo": [
                    {"company": each["tracking_company"], "number": number, "url": None}
                    for number in each["tracking_numbers"]
                ],
            }
            for each in rest["fulfillments"]
        ],
    )


def money(amount: str) -> dict[str, Any]:
    return {"presentmentMoney": {"amount": amount, "currencyCode": "USD"}}


def make_order(
    name: str,
    *,
    email: str | None = None,
    customer_id: int | None = None,
    phone: str | None = None,
    customer_phone: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    customer = {
        "id": f"gid://shopify/Customer/{customer_id}",
        "firstName": "Bob",
        "lastName": "Norman",
        "defaultEmailAddress": {"emailAddress": email} if email else None,
        "defaultPhoneNumber": {"phoneNumber": customer_phone} if customer_phone else None,
    }
    return {
        "name": name,
        "email": email,
        "phone": phone,
        "createdAt": "2026-01-01T10:00:00Z",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "currentTotalPriceSet": money("10.00"),
        "customer": customer if customer_id else None,
        **more,
    }


def make_product(title: str, handle: str, number: int, *, sku: str = "", **more: Any) -> dict[str, Any]:
    variant = {
        "title": "Default",
        "sku": sku,
        "price": "19.00",
        "availableForSale": True,
        "inventoryQuantity": 7,
        "inventoryPolicy": "DENY",
        "inventoryItem": {"tracked": True},
    }
    return {
        "id": f"gid://shopify/Product/{number}",
        "title": title,
        "handle": handle,
        "status": "ACTIVE",
        "publishedAt": "2026-01-01T00:00:00Z",
        "variants": {"nodes": [variant], "pageInfo": {"hasNextPage": False}},
        **more,
    }


@dataclass
class Shop:
    """`said` is every search that was asked, `faults` are answers to give first, one a request."""

    clock: FakeClock
    orders: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    searches_loosely: bool = False
    """Whether the search for orders finds those of others too, as a search by words may."""
    cost: float = 10.0
    maximum: float = 1_000.0
    rate: float = 50.0
    available: float = 1_000.0
    page: int = 10
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    lifetime_s: Any = 86_399
    faults: list[tuple[int, Any, Mapping[str, str]]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Stand beside the data of every answer."""
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    token_requests: list[Mapping[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    url: str = ""
    _filled_at: float = 0.0

    def fail(self, status: int, body: Any = None, **headers: str) -> None:
        self.faults.append((status, body, {name.replace("_", "-"): v for name, v in headers.items()}))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        if request.path == "/admin/oauth/access_token":
            return await self._token(request)
        if request.headers.get("X-Shopify-Access-Token") not in self.tokens:
            return web.json_response({"errors": "[API] Invalid API key or access token"}, status=401)
        asked = await request.json()
        document, variables = asked["query"], asked["variables"]
        self.asked.append((asked["operationName"], variables))
        if refused := refusals(document, asked["operationName"], variables):
            return web.json_response({"errors": [{"message": message} for message in refused]})
        if self.faults:
            status, body, headers = self.faults.pop(0)
            return web.json_response(body, status=status, headers=dict(headers))
        self._fill()
        if self.cost > self.available:
            throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return web.json_response({"errors": [throttled], "extensions": {"cost": self._cost()}})
        self.available -= self.cost
        said: dict[str, Any] = {"data": self._data(asked["operationName"], variables)}
        if self.errors:
            said["errors"] = self.errors
        return web.json_response(said | {"extensions": {"cost": self._cost()}})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.token_requests.append(dict(form))
        if form.get("client_secret") != SECRET or form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "invalid_client"}, status=400)
        token = f"token-{len(self.token_requests)}"
        self.tokens = {token}
        return web.json_response(
            {"access_token": token, "scope": "read_orders", "expires_in": self.lifetime_s}
        )

    def _fill(self) -> None:
        now = self.clock.now().timestamp()
        elapsed = now - self._filled_at if self._filled_at else 0.0
        self.available = min(self.maximum, self.available + elapsed * self.rate)
        self._filled_at = now

    def _cost(self) -> dict[str, Any]:
        status = {"maximumAvailable": self.maximum, "restoreRate": self.rate}
        return {
            "requestedQueryCost": self.cost,
            "throttleStatus": status | {"currentlyAvailable": self.available},
        }

    def _data(self, operation: str, variables: Mapping[str, Any]) -> Any:
        match operation:
            case "OrderStatus":
                return {"orders": {"nodes": self._orders(variables["query"])[:5]}}
            case "MyOrders":
                found = self._orders(variables["query"])
                start = int(variables.get("after") or 0)
                end = start + min(self.page, variables["first"])
                info = {"hasNextPage": end < len(found), "endCursor": str(end)}
                return {"orders": {"nodes": found[start:end], "pageInfo": info}}
            case "Customer":
                phone = variables["identifier"]["phoneNumber"]
                customers = (order["customer"] or {} for order in self.orders)
                own = (
                    each
                    for each in customers
                    if (each.get("defaultPhoneNumber") or {}).get("phoneNumber") == phone
                )
                return {"customerByIdentifier": next(own, None)}
            case "FindProducts":
                words = re.findall(r'"([^"]+)"', variables["query"])
                found = [
                    each
                    for each in self.products
                    if all(word.lower() in each["title"].lower() for word in words)
                ]
                return {
                    "products": {"nodes": found[: variables["first"]], "pageInfo": {"hasNextPage": False}}
                }
            case "Product" | "StockOfProduct":
                wanted = set(variables["identifier"].values())
                found = [each for each in self.products if {each["id"], each["handle"]} & wanted]
                return {"productByIdentifier": found[0] if found else None}
            case "StockOfSku":
                sku = dict(_fields(variables["query"]))["sku"]
                nodes = [
                    variant | {"product": product}
                    for product in self.products
                    for variant in product["variants"]["nodes"]
                    if sku.lower() in variant["sku"].lower()
                ]
                return {"productVariants": {"nodes": nodes}}
        shop = {
            "name": "Chestnut Street",
            "currencyCode": "USD",
            "primaryDomain": {"url": "https://chestnut.example"},
        }
        return {"shop": shop | {"shopPolicies": self.policies}}

    def _orders(self, query: str) -> list[dict[str, Any]]:
        wanted = dict(_fields(query))
        return [order for order in self.orders if self._fits(order, wanted)]

    def _fits(self, order: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
        if "name" in wanted and wanted["name"] not in order["name"].lower():
            return False
        if self.searches_loosely:
            return True
        customer = order["customer"] or {}
        if "email" in wanted and str(order["email"]).lower() != wanted["email"]:
            return False
        own = str(customer.get("id", "")).rpartition("/")[2]
        return "customer_id" not in wanted or own == wanted["customer_id"]


def _fields(query: str) -> list[tuple[str, str]]:
    return [(match[1] or match[3], match[2] if match[1] else match[4]) for match in _FIELD.finditer(query)]


@dataclass
class Visit:
    """The plugin in front of the shop, as one client's turns use it."""

    shop: Shop
    plugin: Shopify
    connection: Connection
    ctx: PluginContext

    async def fetch(self, name: str, visitor_id: str | None = None, **arguments: Any) -> Any:
        endpoint = next(each for each in self.plugin.endpoints() if each.name == name)
        return await self.plugin.fetch(
            self.connection, endpoint, arguments, visitor_id=visitor_id, ctx=self.ctx
        )


@asynccontextmanager
async def visit(**settings: Any) -> AsyncIterator[Visit]:
    clock, resources = FakeClock(), KeptResources()
    shop = Shop(clock)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shop.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        shop.url = f"http://{host}:{port}"
        given = {"shop": SHOP, "base_url": shop.url, "access_token": TOKEN, **settings}
        connection = Connection("connection", ShopifyConnection.model_validate(given))
        ctx = make_context(plugin="shopify", clock=clock, resources=resources)
        yield Visit(shop, Shopify(shop.sleep), connection, ctx)
    finally:
        await resources.aclose()
        await runner.cleanup()
