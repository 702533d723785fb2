"""Who a visitor is, is believed on a valid proof only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from csai.conversations.visitor import Claim, verified_visitor
from csai.kit.problem import Problem

SECRET = "s" * 40
FUTURE = 4_000_000_000  # what is collected may be run minutes later


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    body = {"sub": "ann", "exp": FUTURE, **claims}
    return jwt.encode({name: value for name, value in body.items() if value is not None}, secret, algorithm)


def by_hand(header: dict[str, Any], secret: str = SECRET) -> str:
    """A token that no library would make."""
    parts = (header, {"sub": "ann", "exp": FUTURE})
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_encoded(digest)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "make",
    [signed, lambda: signed(exp=int(time.time()) - 1), lambda: by_hand({"alg": "HS256"})],
    ids=["in time", "by another clock", "by hand"],
)
def test_a_sound_token_names_its_visitor(make: Callable[[], str]) -> None:
    """Also one that has just run out by the clock of another machine."""
    assert verified_visitor(Claim(user_token=make()), SECRET) == "ann"


@pytest.mark.parametrize(
    "token",
    [
        signed("t" * 40),
        signed(algorithm="HS512", secret=SECRET * 2),
        signed(exp=int(time.time()) - 60),
        signed(nbf=FUTURE - 1),
        signed(iat=FUTURE - 1),
        signed(exp=None),
        signed(sub=None),
        signed(sub=""),
        signed(sub="x" * 201),
        signed(sub="a\x00b"),
        signed(exp="soon"),
        jwt.encode({"sub": "ann", "exp": FUTURE}, "", algorithm="none"),
        by_hand({"alg": "none"}),
        by_hand({"alg": "None"}),
        by_hand({"alg": "RS256"}),
        by_hand({"alg": "HS256", "crit": ["x"], "x": 1}),
        by_hand({}),
        signed().rpartition(".")[0] + ".",
        "",
        ".." * 100,
    ],
)
def test_a_token_that_proves_nothing_is_refused(token: str) -> None:
    with pytest.raises(Problem) as refused:
        verified_visitor(Claim(label="ann", user_token=token), SECRET)
    assert (refused.value.status, refused.value.code) == (401, "user_token_invalid")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("secret", ["", None])
def test_a_client_without_a_secret_has_no_verified_visitors(secret: str | None) -> None:
    with pytest.raises(Problem):
        verified_visitor(Claim(user_token=by_hand({"alg": "HS256"}, "")), secret)


def test_a_label_alone_proves_nothing() -> None:
    assert verified_visitor(Claim(label="ann"), SECRET) is None
