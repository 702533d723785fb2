"""Shopify as csai reads it: endpoints that are there ready made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from csai_sdk import (
    Connection,
    ConnectionCheck,
    ConnectionNews,
    Endpoint,
    Integration,
    IntegrationError,
    PluginContext,
    SettingsError,
    WebhookRequest,
)

from csai_integration_shopify.admin_api import NOT_ALLOWED, AdminApi, Sleep
from csai_integration_shopify.identity import identify
from csai_integration_shopify.order import MAX_ORDERS, my_orders, order_status
from csai_integration_shopify.product import check_inventory, find_products, get_product
from csai_integration_shopify.settings import ShopifyConnection
from csai_integration_shopify.store import POLICIES, SHOP, store_policies
from csai_integration_shopify.token import NOT_SET_UP
from csai_integration_shopify.webhook import read_news

_ORDERS = ("get_order_status", "list_my_orders")


def _object(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": MAX_ORDERS, "default": 5}
_PRODUCT = {**_TEXT, "description": "The product's handle or id, as find_products gives them."}

ENDPOINTS = (
    Endpoint(
        "get_order_status",
        description="How an order of this visitor stands: payment, items, shipments with tracking.",
        parameters_schema=_object(
            ["order"],
            order={**_TEXT, "maxLength": 40, "description": "The order's number, such as #1001."},
        ),
        is_private=True,
    ),
    Endpoint(
        "list_my_orders",
        description="This visitor's own orders, the newest first, each with its number, status and total.",
        parameters_schema=_object(limit=_LIMIT),
        is_private=True,
    ),
    Endpoint(
        "find_products",
        description="Products of the shop that fit some words: title, price, address, whether available.",
        parameters_schema=_object(
            ["text"],
            text={**_TEXT, "description": "A few words of what is wanted, in the shop's language."},
            limit=_LIMIT,
        ),
    ),
    Endpoint(
        "get_product",
        description="One product in full: description, options, variants with their prices.",
        parameters_schema=_object(["product"], product=_PRODUCT),
    ),
    Endpoint(
        "check_inventory",
        description="What is in stock of a product, variant by variant: by its SKU, or by the product.",
        parameters_schema={
            **_object(sku={**_TEXT, "maxLength": 100}, product=_PRODUCT),
            "minProperties": 1,
            "maxProperties": 1,
        },
    ),
    Endpoint(
        "get_store_policies",
        description="The shop's name, currency and policies; with `policy`, the text of that one.",
        parameters_schema=_object(policy={"type": "string", "enum": list(POLICIES)}),
    ),
)


class Shopify(Integration):
    """Reads orders, products and policies of the client's shop over its Admin API."""

    id = "shopify"
    connection_settings = ShopifyConnection

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    def endpoints(self) -> Sequence[Endpoint]:
        return ENDPOINTS

    def check_endpoint(self, endpoint: Endpoint) -> None:
        if endpoint.name not in {each.name for each in ENDPOINTS}:
            names = ", ".join(each.name for each in ENDPOINTS)
            raise SettingsError(f"Shopify has ready endpoints only: {names}")

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        settings = connection.settings_as(ShopifyConnection)
        if settings.missing:
            return ConnectionCheck(False, settings.missing)
        try:
            answer = await AdminApi(connection, ctx, self._sleep).ask(SHOP)
        except IntegrationError as error:
            return ConnectionCheck(False, _CAUSES.get(str(error), "The shop does not answer."))
        name = answer.root.get("name") if isinstance(answer.root, Mapping) else None
        if not name:
            return ConnectionCheck(False, "What answers is not a shop.")
        return ConnectionCheck(True, f"The shop '{str(name)[:100]}' answers.")

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        settings = connection.settings_as(ShopifyConnection)
        api = AdminApi(connection, ctx, self._sleep)
        if endpoint.name in _ORDERS:
            identity = identify(visitor_id, settings.visitor_ids)
            read = order_status if endpoint.name == "get_order_status" else my_orders
            return await read(api, arguments, identity)
        match endpoint.name:
            case "find_products":
                return await find_products(api, arguments)
            case "get_product":
                return await get_product(api, arguments)
            case "check_inventory":
                return await check_inventory(api, arguments, shows_quantities=settings.shows_quantities)
            case "get_store_policies":
                return await store_policies(api, arguments)
        raise IntegrationError("The shop has no such endpoint.")

    async def receive(
        self, request: WebhookRequest, connection: Connection, ctx: PluginContext
    ) -> Sequence[ConnectionNews]:
        return read_news(request, connection)


_CAUSES = {
    NOT_SET_UP: (
        "The shop refuses the connection. Look at the shop's domain, the client ID and secret (or token), "
        "the API version, and whether the app is installed in the shop."
    ),
    NOT_ALLOWED: "The shop answers, but the app's scopes do not allow this.",
}
