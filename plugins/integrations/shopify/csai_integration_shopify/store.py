"""What the shop says of itself: its name, currency and address, and its policies.

Source: https://shopify.dev/docs/api/admin-graphql/latest/objects/Shop
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from csai_integration_shopify.admin_api import AdminApi, Query

POLICIES = (
    "refund_policy",
    "shipping_policy",
    "privacy_policy",
    "terms_of_service",
    "terms_of_sale",
    "subscription_policy",
    "contact_information",
    "legal_notice",
)
MAX_CHARS = 8_000
MAX_PAGE_CHARS = 200_000

_BREAK = re.compile(r"<(?:br|/?(?:p|div|li|ul|ol|h[1-6]|tr|table))\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = ("script", "style")

SHOP = Query(
    "Shop",
    "shop",
    "query Shop { shop { name currencyCode primaryDomain { url } } }",
)
SHOP_POLICIES = Query(
    "ShopPolicies",
    "shop",
    """query ShopPolicies {
  shop { name currencyCode primaryDomain { url } shopPolicies { type title body url } }
}""",
)


async def store_policies(api: AdminApi, arguments: Mapping[str, Any]) -> Any:
    """One policy with its text, or which ones there are."""
    answer = await api.ask(SHOP_POLICIES)
    shop = answer.root if isinstance(answer.root, Mapping) else {}
    found = [each for each in shop.get("shopPolicies") or () if isinstance(each, Mapping)]
    wanted = str(arguments.get("policy", "")).upper()
    return {
        "shop": shop.get("name"),
        "currency": shop.get("currencyCode"),
        "url": (shop.get("primaryDomain") or {}).get("url"),
        "policies": [
            _policy(each, with_text=bool(wanted))
            for each in found
            if not wanted or each.get("type") == wanted
        ],
        **({"note": "The shop did not give its policies."} if answer.is_partial else {}),
    }


def plain_text(page: str) -> str:
    """What a reader of the page sees, in one pass."""
    page = page[:MAX_PAGE_CHARS]
    for tag in _UNSEEN:
        page = _without(page, tag)
    text = unescape(_TAG.sub("", _BREAK.sub("\n", page)))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _policy(policy: Mapping[str, Any], *, with_text: bool) -> dict[str, Any]:
    said = {
        "policy": str(policy.get("type", "")).lower(),
        "title": policy.get("title"),
        "url": policy.get("url"),
    }
    if not with_text:
        return said
    text = plain_text(str(policy.get("body", "")))
    return said | {"text": text[:MAX_CHARS], "is_cut": len(text) > MAX_CHARS}


def _without(page: str, tag: str) -> str:
    """The page without such elements; one that never ends goes on to the page's end."""
    lower, parts, at = page.lower(), [], 0
    while (start := lower.find(f"<{tag}", at)) >= 0:
        parts.append(page[at:start])
        end = lower.find(f"</{tag}", start)
        if end < 0:
            return "".join(parts)
        at = end
    return "".join([*parts, page[at:]])
