"""What the shop sells and what was ordered. No customer's name or address is in it at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

OrderState = Literal["processing", "shipped", "delivered", "cancelled", "returned"]


@dataclass(frozen=True, slots=True)
class Product:
    """`restock_in_days` counts from today, so that the shop never ages."""

    sku: str
    name: str
    price_eur: str
    stock: int
    words: str
    restock_in_days: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """`ordered_days_ago` and `due_in_days` (a negative one is past) count from today."""

    order_id: str
    state: OrderState
    items: tuple[tuple[str, int], ...]
    ordered_days_ago: int
    due_in_days: int | None = None
    carrier: str | None = None


PRODUCTS = (
    Product("KET-BLU", "Blue Kettle", "39.90", 12, "electric kettle 1.7 litres steel"),
    Product("KET-RED", "Red Kettle", "39.90", 0, "electric kettle 1.7 litres steel", restock_in_days=6),
    Product("KET-GOO", "Gooseneck Kettle", "64.50", 3, "electric kettle pour over 0.9 litres temperature"),
    Product("POT-GLA", "Glass Teapot", "24.00", 18, "tea pot infuser 1.2 litres"),
    Product("MUG-LAV", "Lava Mug", "14.50", 40, "stoneware cup black handmade"),
    Product("TEA-MOS", "Moss Oolong", "11.90", 25, "loose leaf tea 100 g"),
    Product("TEA-MIN", "Midnight Mint", "8.90", 0, "loose leaf herbal tea 80 g", restock_in_days=3),
    Product("GRI-HAN", "Hand Grinder", "49.00", 7, "coffee mill burr"),
)
ORDERS = (
    Order("ORD-1001", "shipped", (("KET-BLU", 1), ("TEA-MOS", 2)), 3, 2, "Island Post"),
    Order("ORD-1002", "processing", (("KET-GOO", 1),), 1, 5),
    Order("ORD-1003", "delivered", (("MUG-LAV", 4), ("POT-GLA", 1)), 12, -7, "Island Post"),
    Order("ORD-1004", "cancelled", (("KET-RED", 1),), 9),
    Order("ORD-1005", "returned", (("GRI-HAN", 1),), 30, -24, "Island Post"),
)
_BY_SKU = {product.sku: product for product in PRODUCTS}
_BY_ID = {order.order_id: order for order in ORDERS}
_DIGITS = re.compile(r"[0-9]+")
_WORD = re.compile(r"[a-z0-9]+")
_FILLERS = frozenset(
    {"a", "an", "any", "do", "have", "in", "of", "one", "some", "stock", "the", "you", "your"}
)


def find_order(order_id: str) -> Order | None:
    """The order, also where its number is written `ord 1001`, `#1001` or `1001`."""
    digits = _DIGITS.findall(order_id)
    return _BY_ID.get(f"ORD-{digits[0]}") if len(digits) == 1 else None


def product_of(sku: str) -> Product:
    return _BY_SKU[sku]


def find_products(wanted: str) -> Sequence[Product]:
    """Products that have every word of the question; those that have it in their name come alone."""
    if exact := _BY_SKU.get(wanted.strip().upper()):
        return [exact]
    words = _words(wanted) - _FILLERS
    named = [product for product in PRODUCTS if words and words <= _words(product.name)]
    described = [p for p in PRODUCTS if words and words <= _words(f"{p.name} {p.words} {p.sku}")]
    return named or described


def _words(text: str) -> set[str]:
    """Lower-case words, a plural's s taken off."""
    found = _WORD.findall(text.lower())
    return {
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in found
    }
