"""What csai takes and asks of an identity provider, and what it says of one that fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from csai.config import ConfigError, Settings
from csai.services import build_services

from tests.support.clock import HandClock
from tests.support.identity_provider import IdentityProvider, Key
from tests.support.operator import add_admin
from tests.support.sign_in_browser import (
    CALLBACK,
    HERE,
    Browser,
    MakeBrowser,
    browser,
    clock,
    code_of,
    make_browser,
    provider,
)

__all__ = ["browser", "clock", "make_browser", "provider"]


async def test_new_keys_are_read_when_they_sign(browser: Browser) -> None:
    await browser.arrive()
    assert await browser.arrive() == "done"
    assert browser.provider.asked.count("/keys") == 1
    browser.provider.keys = [Key.elliptic("two"), *browser.provider.keys]
    assert await browser.arrive() == "done"
    assert browser.provider.asked.count("/keys") == 2
    browser.provider.keys = [Key.rsa("three", algorithm="PS256")]
    assert await browser.arrive() == "done"


async def test_a_key_that_was_taken_back_is_not_believed_for_long(browser: Browser, clock: HandClock) -> None:
    await browser.arrive()
    browser.provider.published = [Key.elliptic("two").public]
    clock.time += timedelta(hours=1)
    assert await browser.arrive() == "oidc_invalid"


async def test_one_key_without_a_name_is_the_one(browser: Browser) -> None:
    browser.provider.keys = [Key.rsa(None)]
    assert await browser.arrive() == "done"


async def test_the_secret_goes_into_the_form_where_it_takes_no_header(browser: Browser) -> None:
    browser.provider.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert await browser.arrive() == "done"


async def test_another_account_is_asked_for(browser: Browser) -> None:
    url = await browser.begin(another=True)
    assert parse_qs(urlsplit(url).query)["prompt"] == ["select_account"]
    assert parse_qs(urlsplit(url).query)["tenant"] == ["acme"]


ADA = {"email": "ada@example.com", "email_verified": True}


class TestUserinfo:
    """Some providers put nothing but the subject into the ID token of a code."""

    @pytest.fixture
    def sparse(self, browser: Browser) -> Browser:
        browser.provider.person = {"sub": "1001"}
        browser.provider.told_apart = dict(ADA)
        return browser

    async def test_is_asked_where_the_id_token_has_no_address(self, sparse: Browser) -> None:
        assert (await sparse.sign_in()).status_code == 200
        assert sparse.provider.asked.count("/userinfo") == 1

    async def test_is_not_asked_where_it_has(self, browser: Browser) -> None:
        browser.provider.told_apart = {"email": "eve@example.com", "email_verified": True}
        assert (await browser.sign_in()).status_code == 200
        assert "/userinfo" not in browser.provider.asked

    async def test_of_somebody_else_is_not_believed(self, sparse: Browser) -> None:
        sparse.provider.told_apart["sub"] = "2002"
        assert await sparse.arrive() == "oidc_invalid"

    @pytest.mark.parametrize("verified", [False, None, "no"])
    async def test_says_that_the_address_is_theirs_or_it_counts_for_nothing(
        self, sparse: Browser, verified: Any
    ) -> None:
        sparse.provider.told_apart["email_verified"] = verified
        assert code_of(await sparse.sign_in()) == "oidc_unverified"

    async def test_overrules_nothing_that_is_signed(self, sparse: Browser) -> None:
        sparse.provider.person["email_verified"] = False
        assert code_of(await sparse.sign_in()) == "oidc_unverified"

    async def test_vouches_for_no_second_factor(self, make_browser: MakeBrowser) -> None:
        browser = await make_browser(require_second_factor=True)
        await add_admin(browser.server)
        browser.provider.person = {"sub": "1001"}
        browser.provider.told_apart = {**ADA, "amr": ["mfa"]}
        assert (await browser.sign_in()).status_code == 200
        assert (await browser.server.http.get("/admin/plugins")).status_code == 403

    async def test_may_say_what_is_demanded(self, make_browser: MakeBrowser) -> None:
        browser = await make_browser(oidc_claims=("groups=support",))
        await add_admin(browser.server)
        browser.provider.person = {"sub": "1001"}
        browser.provider.told_apart = {**ADA, "groups": ["sales"]}
        assert await browser.arrive() == "oidc_not_allowed"
        browser.provider.told_apart["groups"] = ["support"]
        assert (await browser.sign_in()).status_code == 200

    @pytest.mark.parametrize(
        "answer", [{"status": 401}, {"status": 500}, {"text": "[]"}, {"text": "eyJh.e30.x"}]
    )
    async def test_that_fails_is_said_in_our_own_words(self, sparse: Browser, answer: dict[str, Any]) -> None:
        sparse.provider.broken = {"/userinfo": web.Response(**answer)}
        assert await sparse.arrive() == "oidc_unreachable"

    async def test_that_there_is_not_leaves_the_address_unknown(self, sparse: Browser) -> None:
        sparse.provider.document = {"userinfo_endpoint": None}
        assert code_of(await sparse.sign_in()) == "oidc_unverified"


async def test_who_is_refused_there_begins_again(browser: Browser) -> None:
    browser.provider.answer = {"code": "", "error": "<script>alert(1)</script>"}
    assert await browser.arrive() == "oidc_refused"


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "ftp://127.0.0.1/"},
        {"jwks_uri": ["x"]},
        {"userinfo_endpoint": "ftp://127.0.0.1/"},
    ],
)
async def test_one_that_is_not_what_it_should_be_is_not_gone_to(
    browser: Browser, published: dict[str, Any]
) -> None:
    browser.provider.document = published
    answer = await browser.server.http.post("/admin/auth/oidc", json={}, headers=HERE)
    assert (answer.status_code, code_of(answer)) == (502, "oidc_unreachable")


@pytest.mark.parametrize(
    ("path", "told"),
    [("/token", "oidc_unreachable"), ("/keys", "oidc_unreachable")],
)
@pytest.mark.parametrize(
    "body", ["<h1>Secret stack</h1>", "[]", "null", '{"keys": 1}', "[" * 100_000, "x" * 300_000]
)
async def test_what_is_broken_there_is_said_in_our_own_words(
    browser: Browser, path: str, told: str, body: str
) -> None:
    browser.provider.broken = {path: web.Response(text=body, status=500 if "h1" in body else 200)}
    assert await browser.arrive() in {told, "oidc_invalid"}


async def test_one_that_keeps_what_it_publishes_to_itself_is_said_to_be_away(browser: Browser) -> None:
    refusal = web.json_response({"error": "unauthorized"}, status=401)
    browser.provider.broken = {"/.well-known/openid-configuration": refusal}
    answer = await browser.server.http.post("/admin/auth/oidc", json={}, headers=HERE)
    assert (answer.status_code, code_of(answer)) == (502, "oidc_unreachable")


async def test_one_that_is_away_is_said_to_be(make_browser: MakeBrowser) -> None:
    browser = await make_browser(oidc_issuer="http://127.0.0.1:9")
    answer = await browser.server.http.post("/admin/auth/oidc", json={}, headers=HERE)
    assert (answer.status_code, code_of(answer)) == (502, "oidc_unreachable")
    assert "127.0.0.1" not in answer.text


async def test_a_wrong_secret_is_no_admins_fault_and_shows_nothing(make_browser: MakeBrowser) -> None:
    browser = await make_browser(oidc_client_secret="another")
    assert await browser.arrive() == "oidc_invalid"


class TestSettings:
    @pytest.mark.parametrize("missing", ["oidc_client_id", "oidc_client_secret", "public_url"])
    def test_what_belongs_to_it_is_demanded_at_start(self, missing: str) -> None:
        whole = IdentityProvider(url="https://id.example", callback=CALLBACK).settings()
        with pytest.raises(ConfigError, match=f"CSAI_{missing.upper()}"):
            build_services(Settings(**{**whole, missing: ""}))

    def test_production_takes_no_provider_without_encryption(self) -> None:
        whole = IdentityProvider(url="http://id.example", callback=CALLBACK).settings()
        with pytest.raises(ConfigError, match="https"):
            build_services(Settings(**whole, env="production", secret_keys=("k" * 40,)))

    @pytest.mark.parametrize(
        ("name", "value"),
        [("oidc_issuer", "id.example"), ("oidc_claims", ("groups",)), ("oidc_claims", ("=x",))],
    )
    def test_what_can_mean_nothing_is_refused(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=name):
            Settings.model_validate({name: value})
