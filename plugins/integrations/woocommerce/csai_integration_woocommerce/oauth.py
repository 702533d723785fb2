"""Signed requests for sites without HTTPS: OAuth 1.0a with one leg, HMAC-SHA256, everything in the query.

Source: https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication-over-http and RFC 5849
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote


def signed(
    url: str,
    query: Mapping[str, str],
    *,
    key: str,
    secret: str,
    nonce: str,
    at: datetime,
    method: str = "GET",
) -> dict[str, str]:
    """The query with what proves that it was made with the secret, which itself stays here."""
    parameters = {
        **query,
        "oauth_consumer_key": key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(at.timestamp())),
        "oauth_version": "1.0",
    }
    pairs = sorted((_encode(name), _encode(value)) for name, value in parameters.items())
    # Percent signs of the pairs are encoded again: WooCommerce signs as RFC 5849 says.
    said = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join((method.upper(), _encode(url), _encode(said)))
    digest = hmac.new(f"{_encode(secret)}&".encode(), base.encode(), hashlib.sha256).digest()
    return {**parameters, "oauth_signature": base64.b64encode(digest).decode()}


def _encode(text: str) -> str:
    return quote(text, safe="~")
