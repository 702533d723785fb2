"""Signing in by an identity provider: everything by which others have tried to come in."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from csai.kit.crypto import key_hash
from csai.models import OidcSignIn

from tests.support.clock import HandClock
from tests.support.identity_provider import OWN_ID, RSA_KEY, Key
from tests.support.sign_in_browser import (
    HERE,
    Browser,
    browser,
    clock,
    code_of,
    make_browser,
    provider,
)

__all__ = ["browser", "clock", "make_browser", "provider"]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another's"},
        {"nonce": None},
        {"nonce": 5},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody else"},
        {"aud": []},
        {"aud": None},
        {"aud": [OWN_ID, "somebody else"]},
        {"aud": [OWN_ID, "somebody else"], "azp": "somebody else"},
        {"azp": "somebody else"},
        {"sub": None},
        {"sub": ""},
        {"sub": 1001},
        {"sub": "x" * 256},
        {"sub": "nul\x00"},
        {"exp": None},
        {"exp": 1},
        {"exp": "never"},
        {"exp": True},
        {"iat": 1},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_this_sign_in(browser: Browser, claims: Any) -> None:
    browser.provider.claims = claims
    assert await browser.arrive() == "oidc_invalid"
    assert code_of(await browser.finish()) == "oidc_over"


async def test_a_token_for_us_that_names_others_too_is_taken(browser: Browser) -> None:
    browser.provider.claims = {"aud": [OWN_ID, "somebody else"], "azp": OWN_ID}
    assert await browser.arrive() == "done"


async def test_a_token_that_is_a_little_off_in_time_is_taken(browser: Browser, clock: HandClock) -> None:
    browser.provider.now = lambda: clock.now().timestamp() + 50
    assert await browser.arrive() == "done"
    browser.provider.now = lambda: clock.now().timestamp() - 350
    assert await browser.arrive() == "done"
    browser.provider.now = lambda: clock.now().timestamp() - 361
    assert await browser.arrive() == "oidc_invalid"


@pytest.mark.parametrize("kind", ["none", "public key", "symmetric", "another key", "short key", "text"])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_signature_that_proves_nothing(browser: Browser, kind: str) -> None:
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = jwt.utils.base64url_encode(b"k" * 32).decode()
    if kind == "symmetric":
        browser.provider.published = [{"kty": "oct", "kid": "one", "k": secret, "alg": "HS256"}]
    short = Key.rsa("one", private=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    if kind == "short key":
        browser.provider.keys = [short]
    nothing: Any = None
    by: dict[str, Callable[[dict[str, Any]], str]] = {
        "none": lambda claims: jwt.encode(claims, nothing, "none", headers={"kid": "one"}),
        "public key": lambda claims: hmac_signed(claims, public),
        "symmetric": lambda claims: jwt.encode(claims, b"k" * 32, "HS256", headers={"kid": "one"}),
        "another key": Key.rsa(
            "one", private=rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ).sign,
        "short key": short.sign,
        "text": lambda _claims: "a.b.c",
    }
    browser.provider.sign = by[kind]
    assert await browser.arrive() == "oidc_invalid"


async def test_another_state_and_one_of_another_browser(browser: Browser) -> None:
    back = await browser.visit_provider(await browser.begin())
    forged = back.replace(parse_qs(urlsplit(back).query)["state"][0], "A" * 43)
    assert await browser.come_back(forged) == "oidc_over"
    browser.server.http.cookies.clear()
    assert await browser.come_back(back) == "oidc_over"
    await browser.begin()  # the victim's own, which the attacker's answer is brought into
    assert await browser.come_back(back) == "oidc_over"
    assert "/token" not in browser.provider.asked


async def test_an_answer_serves_once(browser: Browser) -> None:
    back = await browser.visit_provider(await browser.begin())
    assert await browser.come_back(back) == "done"
    assert await browser.come_back(back) == "oidc_over"
    assert (await browser.finish()).status_code == 200
    assert code_of(await browser.finish()) == "oidc_over"


async def test_of_two_at_once_one_comes_in(browser: Browser) -> None:
    await browser.sign_in()  # or that nobody is linked twice would keep the others out
    await browser.arrive()
    await asyncio.gather(*(browser.verify() for _ in range(6)))  # connections for all of them
    answers = await asyncio.gather(*(browser.finish() for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]


async def test_a_code_of_another_sign_in_is_not_taken(browser: Browser) -> None:
    """Its verifier and nonce are of the other one: stolen, it opens nothing."""
    stolen = parse_qs(urlsplit(await browser.visit_provider(await browser.begin())).query)["code"][0]
    own = await browser.visit_provider(await browser.begin())
    injected = own.replace(parse_qs(urlsplit(own).query)["code"][0], stolen)
    assert await browser.come_back(injected) == "oidc_invalid"


async def test_it_is_over_after_ten_minutes(browser: Browser, clock: HandClock) -> None:
    back = await browser.visit_provider(await browser.begin())
    clock.time += timedelta(minutes=10)
    assert await browser.come_back(back) == "oidc_over"
    await browser.arrive()
    clock.time += timedelta(minutes=10)
    assert code_of(await browser.finish()) == "oidc_over"
    await browser.begin()
    assert len(await browser.server.rows(OidcSignIn)) == 1


@pytest.mark.parametrize(
    ("is_named", "said", "told"),
    [
        (False, "", "done"),
        (False, "own", "done"),
        (True, "own", "done"),
        (True, "", "oidc_invalid"),
        (False, "https://evil.example", "oidc_invalid"),
    ],
)
async def test_another_providers_answer_is_not_mixed_up_with_ours(
    browser: Browser, is_named: bool, said: str, told: str
) -> None:
    browser.provider.document = {"authorization_response_iss_parameter_supported": is_named}
    browser.provider.answer = {"iss": browser.provider.url if said == "own" else said}
    assert await browser.arrive() == told
    assert ("/token" in browser.provider.asked) is (told == "done")


async def test_another_sites_page_begins_and_finishes_nothing(browser: Browser) -> None:
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    began = await browser.server.http.post("/admin/auth/oidc", json={}, headers=evil)
    assert (began.status_code, code_of(began)) == (403, "cross_site")
    await browser.arrive()
    done = await browser.server.http.post("/admin/auth/oidc/finish", json={}, headers=evil)
    assert (done.status_code, code_of(done)) == (403, "cross_site")


async def test_too_many_are_refused(browser: Browser) -> None:
    answers = [await browser.server.http.post("/admin/auth/oidc", json={}, headers=HERE) for _ in range(11)]
    assert [each.status_code for each in answers] == [200] * 10 + [429]


async def test_a_ticket_is_known_by_its_hash_alone(browser: Browser) -> None:
    await browser.begin()
    (row,) = await browser.server.rows(OidcSignIn)
    assert row["ticket_hash"] == key_hash(browser.server.http.cookies["csai_oidc"])


def hmac_signed(claims: dict[str, Any], key: bytes) -> str:
    """PyJWT itself refuses to sign so."""

    def part(content: bytes) -> str:
        return jwt.utils.base64url_encode(content).decode()

    head = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "one"}).encode()
    said = f"{part(head)}.{part(json.dumps(claims).encode())}"
    return f"{said}.{part(hmac.digest(key, said.encode(), 'sha256'))}"
