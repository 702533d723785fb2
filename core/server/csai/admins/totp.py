"""Codes of authenticator apps. Source: https://www.rfc-editor.org/rfc/rfc6238, .../rfc4226."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_S = 30
DIGITS = 6
WINDOW = 1
"""Steps that a clock may be ahead or behind."""
SECRET_BYTES = 20


def new_secret() -> str:
    """160 random bits, in base32 as apps take them."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int, *, digits: int = DIGITS) -> str:
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The step whose code that is; None for none near the moment."""
    current = int(now.timestamp()) // STEP_S
    shown = code.encode(errors="replace")
    fitting = [
        step
        for step in range(current - WINDOW, current + WINDOW + 1)
        if hmac.compare_digest(code_at(secret, step).encode(), shown)
    ]
    return fitting[-1] if fitting else None


def enrolment_uri(secret: str, *, email: str, issuer: str = "csai") -> str:
    """What an app reads from a QR code."""
    query = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S})
    return f"otpauth://totp/{quote(f'{issuer}:{email}')}?{query}"


def owner_of_secret(admin_id: str) -> str:
    return f"admin:{admin_id}/totp"
