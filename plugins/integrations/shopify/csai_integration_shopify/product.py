"""What the shop sells to everybody: published products, their prices and their stock.

Source: https://shopify.dev/docs/api/admin-graphql/latest/objects/Product
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from csai_sdk import IntegrationError

from csai_integration_shopify.admin_api import AdminApi, Query

MAX_WORDS = 12
NOT_FOUND = "The shop has no such product. Look for it by its name first."

_GID = "gid://shopify/Product/"
_WORD = re.compile(r"\w+(?:[-']\w+)*")
_CONNECTIVES = frozenset({"and", "or", "not"})
_HANDLE = re.compile(r"[\w-]{1,255}")
_SKU = re.compile(r"[^\"\\\x00-\x1f]{1,100}")
_SEEN = "status publishedAt"
_SHORT = f"""
  id handle title productType vendor onlineStoreUrl {_SEEN}
  priceRangeV2 {{ minVariantPrice {{ amount currencyCode }} maxVariantPrice {{ amount currencyCode }} }}"""
_STOCK = "title sku availableForSale inventoryQuantity inventoryPolicy inventoryItem { tracked }"

PRODUCTS = Query(
    "FindProducts",
    "products",
    f"""query FindProducts($first: Int!, $query: String!) {{
  products(first: $first, query: $query, sortKey: RELEVANCE) {{
    nodes {{ {_SHORT} description(truncateAt: 300) variants(first: 10) {{ nodes {{ availableForSale }} }} }}
    pageInfo {{ hasNextPage }}
  }}
}}""",
)
PRODUCT = Query(
    "Product",
    "productByIdentifier",
    f"""query Product($identifier: ProductIdentifierInput!) {{
  productByIdentifier(identifier: $identifier) {{ {_SHORT}
    description(truncateAt: 3000)
    options {{ name values }}
    variants(first: 50) {{
      nodes {{ title sku price compareAtPrice availableForSale }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}""",
)
STOCK_OF_PRODUCT = Query(
    "StockOfProduct",
    "productByIdentifier",
    f"""query StockOfProduct($identifier: ProductIdentifierInput!) {{
  productByIdentifier(identifier: $identifier) {{ title {_SEEN}
    variants(first: 50) {{ nodes {{ {_STOCK} }} pageInfo {{ hasNextPage }} }}
  }}
}}""",
)
STOCK_OF_SKU = Query(
    "StockOfSku",
    "productVariants",
    f"""query StockOfSku($query: String!) {{
  productVariants(first: 10, query: $query) {{ nodes {{ {_STOCK} product {{ title {_SEEN} }} }} }}
}}""",
)


async def find_products(api: AdminApi, arguments: Mapping[str, Any]) -> Any:
    words = [word for word in _WORD.findall(str(arguments["text"])) if word.casefold() not in _CONNECTIVES]
    if not words:
        return {"products": [], "has_more": False}
    # In quotes, so that no word of the visitor's is taken for a field or a connective.
    terms = " AND ".join(f'"{word}"' for word in words[:MAX_WORDS])
    answer = await api.ask(
        PRODUCTS,
        first=int(arguments.get("limit", 5)),
        query=f"status:active AND published_status:published AND {terms}",
    )
    page = (answer.root or {}).get("pageInfo") or {}
    return {
        "products": [_short(product) for product in _nodes(answer.root) if _is_seen(product)],
        "has_more": page.get("hasNextPage") is True,
    }


async def get_product(api: AdminApi, arguments: Mapping[str, Any]) -> Any:
    product = await _product(api, PRODUCT, str(arguments["product"]))
    variants = product.get("variants") or {}
    return {
        **_short(product),
        "options": [
            {"name": each.get("name"), "values": list(each.get("values") or ())[:50]}
            for each in product.get("options") or ()
        ],
        "variants": [
            {
                "title": each.get("title"),
                "sku": each.get("sku"),
                "price": each.get("price"),
                "price_before": each.get("compareAtPrice"),
                "is_available": each.get("availableForSale") is True,
            }
            for each in _nodes(variants)
        ],
        "has_more_variants": (variants.get("pageInfo") or {}).get("hasNextPage") is True,
    }


async def check_inventory(api: AdminApi, arguments: Mapping[str, Any], *, shows_quantities: bool) -> Any:
    found = (
        await _by_sku(api, str(arguments["sku"]).strip())
        if arguments.get("sku")
        else await _by_product(api, str(arguments.get("product", "")))
    )
    return {"stock": [_stock(title, variant, shows_quantities) for title, variant in found]}


async def _by_sku(api: AdminApi, sku: str) -> list[tuple[Any, Mapping[str, Any]]]:
    if not _SKU.fullmatch(sku):
        raise IntegrationError(NOT_FOUND)
    answer = await api.ask(STOCK_OF_SKU, query=f'sku:"{sku}"')
    found = []
    for variant in _nodes(answer.root):
        product = variant.get("product") or {}
        if str(variant.get("sku", "")).casefold() == sku.casefold() and _is_seen(product):
            found.append((product.get("title"), variant))
    if not found:
        raise IntegrationError(NOT_FOUND)
    return found


async def _by_product(api: AdminApi, named: str) -> list[tuple[Any, Mapping[str, Any]]]:
    product = await _product(api, STOCK_OF_PRODUCT, named)
    return [(product.get("title"), variant) for variant in _nodes(product.get("variants"))]


async def _product(api: AdminApi, query: Query, named: str) -> Mapping[str, Any]:
    """By its handle or id."""
    named = named.strip().removeprefix(_GID)
    if not _HANDLE.fullmatch(named):
        raise IntegrationError(NOT_FOUND)
    by = {"id": _GID + named} if named.isascii() and named.isdigit() else {"handle": named.lower()}
    answer = await api.ask(query, identifier=by)
    if not isinstance(answer.root, Mapping) or not _is_seen(answer.root):
        raise IntegrationError(NOT_FOUND)
    return answer.root


def _is_seen(product: Mapping[str, Any]) -> bool:
    """Whether everybody may see it in the online store."""
    return product.get("status") == "ACTIVE" and bool(product.get("publishedAt"))


def _short(product: Mapping[str, Any]) -> dict[str, Any]:
    prices = product.get("priceRangeV2") or {}
    least, most = prices.get("minVariantPrice") or {}, prices.get("maxVariantPrice") or {}
    return {
        "id": str(product.get("id", "")).removeprefix(_GID),
        "handle": product.get("handle"),
        "title": product.get("title"),
        "type": product.get("productType"),
        "vendor": product.get("vendor"),
        "description": product.get("description"),
        "url": product.get("onlineStoreUrl"),
        "price_from": least.get("amount"),
        "price_to": most.get("amount"),
        "currency": least.get("currencyCode"),
        "is_available": any(each.get("availableForSale") is True for each in _nodes(product.get("variants"))),
    }


def _stock(title: Any, variant: Mapping[str, Any], shows_quantities: bool) -> dict[str, Any]:
    found = {
        "product": title,
        "variant": variant.get("title"),
        "sku": variant.get("sku"),
        "is_available": variant.get("availableForSale") is True,
        "sells_when_out_of_stock": variant.get("inventoryPolicy") == "CONTINUE",
    }
    is_tracked = (variant.get("inventoryItem") or {}).get("tracked") is not False
    return (
        found | {"quantity": variant.get("inventoryQuantity")} if shows_quantities and is_tracked else found
    )


def _nodes(connection: Any) -> Iterator[Mapping[str, Any]]:
    nodes = connection.get("nodes") if isinstance(connection, Mapping) else None
    return (node for node in nodes or () if isinstance(node, Mapping))
