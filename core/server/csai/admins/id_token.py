"""What an identity provider says of who signed in there: signed, for us, and for this one sign-in.

Source: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from csai.kit.text import is_clean

LEEWAY = timedelta(minutes=1)
"""How far the provider's clock may be from ours."""
OLDEST = timedelta(minutes=10)
MAX_SUBJECT_CHARS = 255

# Asymmetric ones alone: a key that the provider publishes must not serve to sign.
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
ALGORITHMS = (*(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)), "EdDSA")


class IdTokenInvalid(Exception):
    """The token proves nothing; the message is ours, and quotes none of it."""


class KeyUnknown(IdTokenInvalid):
    """None of the provider's keys fits: it may have newer ones."""


def read_id_token(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    audience: str,
    nonce: str,
    now: datetime,
) -> dict[str, Any]:
    """What the token claims. Raises `IdTokenInvalid`."""
    try:
        key = _key(token, keys)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=audience,
            issuer=issuer,
            options={
                "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                "enforce_minimum_key_length": True,
                # By our clock, below, which tests drive.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise IdTokenInvalid(type(error).__name__) from None
    _check_party(claims, audience)
    _check_times(claims, now)
    if not hmac.compare_digest(str(claims["nonce"]).encode(errors="replace"), nonce.encode()):
        raise IdTokenInvalid("it is of another sign-in")
    subject = claims["sub"]
    if not (isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_CHARS and is_clean(subject)):
        raise IdTokenInvalid("it names nobody")
    return claims


def _key(token: str, keys: Sequence[Mapping[str, Any]]) -> jwt.PyJWK:
    header = jwt.get_unverified_header(token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise IdTokenInvalid("its algorithm is not taken")
    fitting = [
        key
        for key in keys
        if key.get("kty") == _KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (key_id is None or key.get("kid") == key_id)
    ]
    if len(fitting) != 1:
        raise KeyUnknown("no key fits, or several do")
    return jwt.PyJWK(dict(fitting[0]), algorithm)


def _check_party(claims: Mapping[str, Any], audience: str) -> None:
    """Meant for us alone, or given to us where it is meant for others too."""
    is_shared = claims["aud"] not in (audience, [audience])
    if claims.get("azp", None if is_shared else audience) != audience:
        raise IdTokenInvalid("it was given to somebody else")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    ends, begins = _number(claims["exp"]), _number(claims["iat"])
    moment, leeway_s = now.timestamp(), LEEWAY.total_seconds()
    if ends <= moment - leeway_s:
        raise IdTokenInvalid("it is over")
    if max(begins, _number(claims.get("nbf", begins))) > moment + leeway_s:
        raise IdTokenInvalid("it is of a time to come")
    if begins < moment - leeway_s - OLDEST.total_seconds():
        raise IdTokenInvalid("it is old")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdTokenInvalid("a time of it is none")
    return float(value)
