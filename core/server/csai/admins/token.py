"""Tokens of admins: signed, valid for a day, worthless once their admin's generation has moved on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from csai.kit.crypto import Keyring
from csai.kit.identifier import is_id, new_id

LIFETIME = timedelta(hours=24)
PURPOSE = "admin-token"
AUDIENCE = "csai-admin"
ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class AdminToken:
    """What a valid token says."""

    admin_id: str
    generation: int
    expires_at: datetime


def sign_token(keyring: Keyring, *, admin_id: str, generation: int, now: datetime) -> str:
    claims = {
        "aud": AUDIENCE,
        "sub": admin_id,
        "gen": generation,
        "jti": new_id(),
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, keyring.derived_keys(PURPOSE)[0], algorithm=ALGORITHM)


def read_token(keyring: Keyring, token: str, *, now: datetime) -> AdminToken | None:
    """What the token says, or None for one that none of the installation's keys signed or that is over."""
    for key in keyring.derived_keys(PURPOSE):
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                # By our clock, below, which tests drive.
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            continue
        return _read(claims, now)
    return None


def _read(claims: dict[str, object], now: datetime) -> AdminToken | None:
    subject, generation, expiry = claims["sub"], claims.get("gen"), claims["exp"]
    if not (isinstance(subject, str) and is_id(subject)):
        return None
    if not (isinstance(generation, int) and isinstance(expiry, int)):
        return None
    if expiry <= now.timestamp():
        return None
    return AdminToken(subject, generation, datetime.fromtimestamp(expiry, now.tzinfo))
