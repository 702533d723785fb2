"""Signatures of Standard Webhooks, by which a workflow knows its caller.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

_PREFIX = "whsec_"
_SIZES = range(24, 65)


def decode_secret(secret: str) -> bytes:
    """The key that a secret stands for. Raises `ValueError`, which never quotes the secret."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _SIZES:
        raise ValueError(
            "the signing secret must be base64 of 24 to 64 bytes; `openssl rand -base64 32` makes one"
        )
    return key


def signature_headers(secret: str, *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a signed request. Raises `ValueError` where the secret is none."""
    # The signed text is cut at its full stops, so the id must have none.
    message_id = message_id.replace(".", "_")
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(decode_secret(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
