"""A WordPress site with WooCommerce's REST API: authentication of both kinds, lists in pages, its errors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from aiohttp import web
from csai_integration_woocommerce.integration import WooCommerce
from csai_integration_woocommerce.settings import WooCommerceConnection
from csai_sdk import Connection, HttpResponse, PluginContext
from csai_testkit.context import FakeClock, KeptResources, PlainHttp, make_context

KEY = "ck_0123456789abcdef"
SECRET = "cs_fedcba9876543210"
VECTORS = Path(__file__).resolve().parents[4].parent / "shared" / "vectors"


def recorded_order(**billing: str) -> dict[str, Any]:
    """WooCommerce's own example of an order; the address is that of version 3."""
    path = VECTORS / "commerce" / "woocommerce_order.json"
    if not path.exists():
        pytest.skip("the recorded order is not in this checkout: shared/vectors/commerce")
    order: dict[str, Any] = json.loads(path.read_text())["order"]
    return {
        **order,
        "number": str(order["order_number"]),
        "date_created_gmt": order["created_at"].removesuffix("Z"),
        "shipping_total": order["total_shipping"],
        "billing": {"first_name": "John", "last_name": "Doe", "address_1": "969 Market", **billing},
    }


def make_order(
    order_id: int, *, customer_id: int = 0, email: str = "", phone: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "id": order_id,
        "number": str(order_id),
        "status": "processing",
        "currency": "USD",
        "total": "10.00",
        "date_created_gmt": f"2026-01-01T00:00:{order_id % 60:02}",
        "customer_id": customer_id,
        "billing": {"first_name": "Bob", "last_name": "Norman", "email": email, "phone": phone},
        "customer_note": "please ring twice",
        **more,
    }


def make_product(number: int, name: str, *, sku: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "slug": name.lower().replace(" ", "-"),
        "type": "simple",
        "status": "publish",
        "catalog_visibility": "visible",
        "permalink": f"https://shop.example/product/{number}",
        "price": "21.99",
        "sku": sku,
        "stock_status": "instock",
        "manage_stock": True,
        "stock_quantity": 7,
        "short_description": "<p>Soft &amp; warm</p>",
        **more,
    }


@dataclass
class Site:
    """`asked` is every path with its query, `faults` are answers to give first, one a request."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    variations: list[dict[str, Any]] = field(default_factory=list)
    searches_loosely: bool = False
    faults: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    nonces: set[str] = field(default_factory=set)
    url: str = ""
    is_encrypted: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        self.headers.append(dict(request.headers))
        if not (self._is_basic(request) if self.is_encrypted else self._is_signed(request, query)):
            said = {"code": "woocommerce_rest_cannot_view", "message": "Sorry.", "data": {"status": 401}}
            return web.json_response(said, status=401)
        path = request.path.removeprefix("/wp-json/wc/v3/")
        self.asked.append((path, {name: v for name, v in query.items() if not name.startswith("oauth_")}))
        if self.faults:
            status, body = self.faults.pop(0)
            return web.json_response(body, status=status)
        return self._answer(path, query)

    def _is_basic(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given) == f"{KEY}:{SECRET}".encode()

    def _is_signed(self, request: web.Request, query: dict[str, str]) -> bool:
        """As WooCommerce does it: each pair joined, then encoded, then joined by an encoded ampersand."""
        given = query.pop("oauth_signature", "")
        if query.get("oauth_consumer_key") != KEY or query.get("oauth_nonce") in self.nonces:
            return False
        self.nonces.add(query["oauth_nonce"])
        pairs = {quote(unquote(name), safe="~"): quote(unquote(v), safe="~") for name, v in query.items()}
        joined = "%26".join(quote(f"{name}={pairs[name]}", safe="~") for name in sorted(pairs))
        base = f"GET&{quote(f'{self.url}{request.path}', safe='~')}&{joined}"
        digest = hmac.new(f"{SECRET}&".encode(), base.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(base64.b64encode(digest).decode(), given)

    def _answer(self, path: str, query: Mapping[str, str]) -> web.Response:
        match path.split("/"):
            case ["orders"]:
                return self._page([each for each in self.orders if self._fits(each, query)], query)
            case ["products"]:
                return self._page([each for each in self.products if _is_found(each, query)], query)
            case ["products", number]:
                found = [each for each in self.products if str(each["id"]) == number]
                if found:
                    return web.json_response(found[0])
                said = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID."}
                return web.json_response(said | {"data": {"status": 404}}, status=404)
            case ["products", _, "variations"]:
                return self._page(self.variations, query)
            case ["settings", "general"]:
                return self._page(
                    [
                        {"id": "woocommerce_currency", "value": "ISK"},
                        {"id": "woocommerce_store_address", "value": "x"},
                    ],
                    query,
                )
            case ["payment_gateways"]:
                return self._page(
                    [{"id": "bacs", "title": "<b>Bank</b>", "enabled": True, "settings": "k3y"}], query
                )
            case ["shipping", "zones"]:
                return self._page([{"id": 0, "name": "Rest"}, {"id": 1, "name": "Iceland"}], query)
        return web.json_response({"code": "rest_no_route", "message": "No route"}, status=404)

    def _page(self, items: list[dict[str, Any]], query: Mapping[str, str]) -> web.Response:
        size, number = int(query.get("per_page", 10)), int(query.get("page", 1))
        headers = {"X-WP-Total": str(len(items)), "X-WP-TotalPages": str(-(-len(items) // size))}
        return web.json_response(items[(number - 1) * size : number * size], headers=headers)

    def _fits(self, order: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        if "include" in query and str(order["id"]) not in query["include"].split(","):
            return False
        if self.searches_loosely:
            return True
        if "customer" in query and str(order["customer_id"]) != query["customer"]:
            return False
        said = f"{order['billing']} {order['number']}".lower()
        return "search" not in query or query["search"].lower() in said


def _is_found(product: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    return (
        query.get("search", "").lower() in product["name"].lower()
        and query.get("slug", product["slug"]) == product["slug"]
        and query.get("sku", product["sku"]) == product["sku"]
    )


class Tls:
    """What encrypts, as far as the plugin sees: https addresses reach the site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._http = PlainHttp()

    async def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        self._site.is_encrypted = url.startswith("https://")
        plain = url.replace("https://shop.example", self._site.url)
        return await self._http.request(method, plain, **options)


@dataclass
class Visit:
    """The plugin in front of the site, as one client's turns use it."""

    site: Site
    plugin: WooCommerce
    connection: Connection
    ctx: PluginContext

    async def fetch(self, name: str, visitor_id: str | None = None, **arguments: Any) -> Any:
        endpoint = next(each for each in self.plugin.endpoints() if each.name == name)
        return await self.plugin.fetch(
            self.connection, endpoint, arguments, visitor_id=visitor_id, ctx=self.ctx
        )


@asynccontextmanager
async def visit(**settings: Any) -> AsyncIterator[Visit]:
    site, resources = Site(), KeptResources()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        host, port = runner.addresses[0][:2]
        site.url = f"http://{host}:{port}"
        given = {
            "base_url": "https://shop.example",
            "consumer_key": KEY,
            "consumer_secret": SECRET,
            **settings,
        }
        if given["base_url"] == "http":
            given["base_url"] = site.url
        connection = Connection("connection", WooCommerceConnection.model_validate(given))
        ctx = make_context(plugin="woocommerce", clock=FakeClock(), resources=resources, http=Tls(site))
        yield Visit(site, WooCommerce(), connection, ctx)
    finally:
        await resources.aclose()
        await runner.cleanup()
