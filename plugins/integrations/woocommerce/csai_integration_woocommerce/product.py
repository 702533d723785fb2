"""What the shop sells to everybody: published products, their prices and their stock.

Source: https://woocommerce.github.io/woocommerce-rest-api-docs/#products
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from csai_sdk import IntegrationError

from csai_integration_woocommerce.page import plain_text
from csai_integration_woocommerce.rest_api import NotThere, RestApi

MAX_PRODUCTS = 10
MAX_VARIATIONS = 50
NOT_FOUND = "The shop has no such product. Look for it by its name first."

_ID = re.compile(r"[1-9][0-9]{0,18}")
_SLUG = re.compile(r"[\w%.-]{1,200}")
_SEEN = "id,name,slug,type,status,catalog_visibility,post_password,permalink"
_PRICES = "price,regular_price,sale_price,on_sale"
_STOCK = "sku,stock_status,stock_quantity,manage_stock,backorders_allowed"
_SHORT = f"{_SEEN},{_PRICES},{_STOCK},short_description,parent_id"


async def find_products(api: RestApi, arguments: Mapping[str, Any], *, shows_quantities: bool) -> Any:
    words = " ".join(str(arguments["text"]).split())
    page = await api.page(
        "products",
        search=words,
        status="publish",
        per_page=str(int(arguments.get("limit", 5))),
        _fields=_SHORT,
    )
    seen = [product for product in page.items if _is_seen(product)]
    return {
        "products": [_short(product, shows_quantities, max_chars=300) for product in seen],
        "total": page.total,
    }


async def get_product(api: RestApi, arguments: Mapping[str, Any], *, shows_quantities: bool) -> Any:
    fields = f"{_SHORT},description,categories,attributes"
    product = await _product(api, str(arguments["product"]), fields)
    return {
        **_short(product, shows_quantities, max_chars=1_000),
        "description": plain_text(str(product.get("description") or ""))[:3_000],
        "categories": [each.get("name") for each in _objects(product.get("categories"))],
        "attributes": [
            {"name": each.get("name"), "values": list(each.get("options") or ())[:50]}
            for each in _objects(product.get("attributes"))
        ],
    }


async def check_stock(api: RestApi, arguments: Mapping[str, Any], *, shows_quantities: bool) -> Any:
    fields = f"{_SEEN},{_STOCK},price,parent_id"
    if arguments.get("sku"):
        product = await _by_sku(api, str(arguments["sku"]).strip(), fields)
    else:
        product = await _product(api, str(arguments.get("product", "")), fields)
    stock = [_stock(product, shows_quantities)]
    if product.get("type") == "variable":
        page = await api.page(
            f"products/{int(product['id'])}/variations",
            per_page=str(MAX_VARIATIONS),
            status="publish",
            _fields=f"id,status,attributes,price,{_STOCK}",
        )
        stock = [
            {**_stock(each, shows_quantities), "variant": _variant(each)}
            for each in page.items
            if each.get("status") == "publish"
        ]
    return {"product": product.get("name"), "url": product.get("permalink"), "stock": stock}


async def _by_sku(api: RestApi, sku: str, fields: str) -> Mapping[str, Any]:
    page = await api.page("products", sku=sku, status="publish", _fields=fields)
    for product in page.items:
        is_same = str(product.get("sku", "")).casefold() == sku.casefold()
        if is_same and product.get("type") == "variation":
            await _product(api, str(product.get("parent_id")), _SEEN)
            return product
        if is_same and _is_seen(product):
            return product
    raise IntegrationError(NOT_FOUND)


async def _product(api: RestApi, named: str, fields: str) -> Mapping[str, Any]:
    """By its id, or else by its slug."""
    named = named.strip()
    if _ID.fullmatch(named):
        try:
            found = [await api.one(f"products/{named}", _fields=fields)]
        except NotThere:
            found = []
    elif _SLUG.fullmatch(named):
        found = (await api.page("products", slug=named, status="publish", _fields=fields)).items
    else:
        found = []
    for product in found:
        if _is_seen(product):
            return product
    raise IntegrationError(NOT_FOUND)


def _is_seen(product: Mapping[str, Any]) -> bool:
    """Whether everybody may see it in the shop."""
    is_open = product.get("catalog_visibility") != "hidden" and not product.get("post_password")
    return product.get("status") == "publish" and is_open


def _short(product: Mapping[str, Any], shows_quantities: bool, *, max_chars: int) -> dict[str, Any]:
    return {
        "id": product.get("id"),
        "title": product.get("name"),
        "url": product.get("permalink"),
        "summary": plain_text(str(product.get("short_description") or ""))[:max_chars],
        "price": product.get("price"),
        "regular_price": product.get("regular_price"),
        "is_on_sale": product.get("on_sale") is True,
        **_stock(product, shows_quantities),
    }


def _stock(product: Mapping[str, Any], shows_quantities: bool) -> dict[str, Any]:
    found = {
        "sku": product.get("sku"),
        "stock": product.get("stock_status"),
        "is_available": product.get("stock_status") in ("instock", "onbackorder"),
    }
    is_counted = shows_quantities and product.get("manage_stock") not in (False, None)
    return found | {"quantity": product.get("stock_quantity")} if is_counted else found


def _variant(variation: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{each.get('name')}: {each.get('option')}" for each in _objects(variation.get("attributes"))
    )


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)][:50] if isinstance(value, list) else []
