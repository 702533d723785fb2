"""Visitors whose identity the host page vouches for."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import jwt

from csai.kit.problem import Problem

HASHED = "visitor:"
"""Stands before the id in what is hashed, so that a hash never is the signature of some token."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its visitor. A label alone proves nothing."""

    label: str | None = None
    user_hash: str | None = None
    user_token: str | None = None


def visitor_hash(visitor_id: str, secret: str) -> str:
    """The proof that a host page may show instead of a token: hexadecimal HMAC-SHA256."""
    return hmac.new(secret.encode(), f"{HASHED}{visitor_id}".encode(), hashlib.sha256).hexdigest()


def verified_visitor(claim: Claim, secret: str | None) -> str | None:
    """The host page's id of the visitor; None where nothing was to prove it.

    Raises 401 when what was to prove it does not, also when the client has no identity secret.
    """
    if claim.user_token is not None:
        return _from_token(claim.user_token, secret)
    if claim.user_hash is not None:
        return _from_hash(claim, secret)
    return None


def _from_token(user_token: str, secret: str | None) -> str:
    refusal = Problem(
        401,
        "user_token_invalid",
        "The user_token is not valid: sign it with HS256 and the client's identity secret, with sub and exp.",
    )
    if not secret:
        raise refusal
    try:
        claims = jwt.decode(
            user_token, secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}, leeway=10
        )
    except jwt.InvalidTokenError:
        raise refusal from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 200 or "\x00" in subject:
        raise refusal
    return subject


def _from_hash(claim: Claim, secret: str | None) -> str:
    if (
        secret
        and claim.label
        and hmac.compare_digest(
            visitor_hash(claim.label, secret).encode(), (claim.user_hash or "").lower().encode()
        )
    ):
        return claim.label
    raise Problem(
        401,
        "user_hash_invalid",
        "The user_hash is not valid: send user_identifier, and as its hash the hexadecimal HMAC-SHA256 of "
        f"'{HASHED}' and the identifier, with the client's identity secret.",
    )
