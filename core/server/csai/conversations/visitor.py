"""Visitors whose identity the host page vouches for."""

from __future__ import annotations

import jwt

from csai.kit.problem import Problem


def verified_visitor(user_token: str, secret: str | None) -> str:
    """The host page's id of the visitor, from its signed token (HS256, with `sub` and `exp`).

    Raises 401 when the token proves nothing, also when the client has no identity secret.
    """
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
