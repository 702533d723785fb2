"""Tokens of admins: signed, valid for a day, worthless once their session has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from csai.kit.crypto import Keyring
from csai.kit.identifier import is_id

LIFETIME = timedelta(hours=24)
PURPOSE = "admin-token"
AUDIENCE = "csai-admin"
ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class AdminToken:
    """What a valid token says."""

    admin_id: str
    session_id: str
    expires_at: datetime


def sign_token(keyring: Keyring, *, admin_id: str, session_id: str, now: datetime) -> str:
    claims = {
        "aud": AUDIENCE,
        "sub": admin_id,
        "jti": session_id,
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
                options={"require": ["exp", "sub", "jti"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            continue
        return _read(claims, now)
    return None


def _read(claims: dict[str, object], now: datetime) -> AdminToken | None:
    subject, session, expiry = claims["sub"], claims["jti"], claims["exp"]
    if not (isinstance(subject, str) and is_id(subject) and isinstance(session, str) and is_id(session)):
        return None
    if not isinstance(expiry, int) or expiry <= now.timestamp():
        return None
    return AdminToken(subject, session, datetime.fromtimestamp(expiry, now.tzinfo))
