"""WooCommerce as csai reads it: endpoints that are there ready made."""

from __future__ import annotations

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

from csai_integration_woocommerce.identity import identify
from csai_integration_woocommerce.order import MAX_ORDERS, my_orders, order_status
from csai_integration_woocommerce.product import MAX_PRODUCTS, check_stock, find_products, get_product
from csai_integration_woocommerce.rest_api import NOT_SET_UP, RestApi
from csai_integration_woocommerce.settings import WooCommerceConnection
from csai_integration_woocommerce.store import store_info
from csai_integration_woocommerce.webhook import read_news


def _object(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_PRODUCT = {**_TEXT, "description": "The product's id, as find_products gives it, or its slug."}


def _up_to(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "default": 5}


ENDPOINTS = (
    Endpoint(
        "get_order_status",
        description="How an order of this visitor stands: status, items, totals, dates, tracking.",
        parameters_schema=_object(
            ["order"], order={**_TEXT, "maxLength": 40, "description": "The order's number, such as 645."}
        ),
        is_private=True,
    ),
    Endpoint(
        "list_my_orders",
        description="This visitor's own orders, the newest first, each with its number, status and total.",
        parameters_schema=_object(limit=_up_to(MAX_ORDERS)),
        is_private=True,
    ),
    Endpoint(
        "find_products",
        description="Products of the shop that fit some words: title, price, address, stock.",
        parameters_schema=_object(
            ["text"],
            text={**_TEXT, "description": "A few words of what is wanted, in the shop's language."},
            limit=_up_to(MAX_PRODUCTS),
        ),
    ),
    Endpoint(
        "get_product",
        description="One product in full: description, prices, categories, attributes.",
        parameters_schema=_object(["product"], product=_PRODUCT),
    ),
    Endpoint(
        "check_stock",
        description="What is in stock of a product, variation by variation: by its SKU, or by the product.",
        parameters_schema={
            **_object(sku={**_TEXT, "maxLength": 100}, product=_PRODUCT),
            "minProperties": 1,
            "maxProperties": 1,
        },
    ),
    Endpoint(
        "get_store_info",
        description="The shop's currency and country, how one can pay, and where it ships to.",
        parameters_schema=_object(),
    ),
)


class WooCommerce(Integration):
    """Reads orders and products of the client's shop over its REST API."""

    id = "woocommerce"
    connection_settings = WooCommerceConnection

    def endpoints(self) -> Sequence[Endpoint]:
        return ENDPOINTS

    def check_endpoint(self, endpoint: Endpoint) -> None:
        if endpoint.name not in {each.name for each in ENDPOINTS}:
            names = ", ".join(each.name for each in ENDPOINTS)
            raise SettingsError(f"WooCommerce has ready endpoints only: {names}")

    async def check(self, connection: Connection, ctx: PluginContext) -> ConnectionCheck:
        """Both rights are tried: some security plugins let products be read, but no orders."""
        settings = connection.settings_as(WooCommerceConnection)
        if settings.missing:
            return ConnectionCheck(False, settings.missing)
        api = RestApi(connection, ctx)
        try:
            products = await api.page("products", per_page="1", _fields="id")
            await api.page("orders", per_page="1", _fields="id")
        except IntegrationError as error:
            is_refused = str(error) == NOT_SET_UP
            return ConnectionCheck(False, _REFUSED if is_refused else "The shop does not answer.")
        count = "" if products.total is None else f" It has {products.total} products."
        return ConnectionCheck(True, f"The shop answers.{count}")

    async def fetch(
        self,
        connection: Connection,
        endpoint: Endpoint,
        arguments: Mapping[str, Any],
        *,
        visitor_id: str | None,
        ctx: PluginContext,
    ) -> Any:
        settings = connection.settings_as(WooCommerceConnection)
        api = RestApi(connection, ctx)
        shows = settings.shows_quantities
        match endpoint.name:
            case "get_order_status":
                whose = identify(visitor_id, settings)
                return await order_status(api, arguments, whose, has_own_numbers=settings.has_own_numbers)
            case "list_my_orders":
                return await my_orders(api, arguments, identify(visitor_id, settings))
            case "find_products":
                return await find_products(api, arguments, shows_quantities=shows)
            case "get_product":
                return await get_product(api, arguments, shows_quantities=shows)
            case "check_stock":
                return await check_stock(api, arguments, shows_quantities=shows)
            case "get_store_info":
                return await store_info(api, arguments)
        raise IntegrationError("The shop has no such endpoint.")

    async def receive(
        self, request: WebhookRequest, connection: Connection, ctx: PluginContext
    ) -> Sequence[ConnectionNews]:
        return read_news(request, connection)


_REFUSED = (
    "The site refuses the connection. Look at the address, the key and its permission (Read), and whether "
    "permalinks are other than 'Plain'."
)
