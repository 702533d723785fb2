"""Signing in by an identity provider: who comes in, and with which second factor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from csai.admins.totp import STEP_S, code_at
from csai.models import Admin, AdminIdentity, AdminSession, AuditEntry, OidcSignIn
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.identity_provider import IdentityProvider
from tests.support.operator import EMAIL, PASSWORD, Operator, add_admin, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.sign_in_browser import (
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


async def test_an_admin_comes_in_and_goes_on_as_anybody_who_signed_in(browser: Browser) -> None:
    answer = await browser.sign_in()

    assert answer.status_code == 200, answer.text
    assert answer.json()["admin"]["email"] == EMAIL
    assert await browser.verify() == 200
    (entry,) = await browser.server.rows(AuditEntry, action="admin.logged_in")
    assert (entry["actor"], entry["actor_name"]) == ("admin", EMAIL)
    out = await browser.server.http.post("/admin/auth/logout", headers=HERE)
    assert out.status_code == 200
    assert await browser.verify() == 401


async def test_nothing_that_lets_in_stands_in_an_address_or_is_kept(browser: Browser) -> None:
    began = await browser.server.http.post("/admin/auth/oidc", json={}, headers=HERE)
    cookie = began.headers["set-cookie"]
    ticket = began.cookies["csai_oidc"]
    back = await browser.visit_provider(began.json()["url"])
    await browser.come_back(back)
    done = await browser.finish()

    assert all(mark in cookie.lower() for mark in ("httponly", "samesite=lax", "path=/admin/auth/oidc"))
    kept = repr(await browser.server.rows(OidcSignIn))
    token = done.cookies["csai_admin"]
    for secret in (ticket, token):
        assert secret not in began.json()["url"] + back + kept + done.text
    session = next(each for each in done.headers.get_list("set-cookie") if each.startswith("csai_admin="))
    assert all(mark in session.lower() for mark in ("httponly", "samesite=strict", "path=/admin"))
    assert await browser.server.rows(OidcSignIn) == []


async def test_without_an_identity_provider_there_is_no_such_way(make_server: ServerFactory) -> None:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True))
    assert (await server.http.get("/admin/auth/methods")).json() == {"oidc": None}
    browser = Browser(server, IdentityProvider())
    assert (await server.http.post("/admin/auth/oidc", json={}, headers=HERE)).status_code == 404
    assert (await server.http.get("/admin/auth/oidc/callback")).status_code == 404
    assert code_of(await browser.finish()) in {"oidc_over", "not_found"}


async def test_the_sign_in_page_is_told_how_the_provider_is_called(make_browser: MakeBrowser) -> None:
    named, unnamed = await make_browser(), await make_browser(oidc_label="")
    assert (await named.server.http.get("/admin/auth/methods")).json() == {"oidc": {"label": "Acme"}}
    host = urlsplit(named.provider.url).netloc
    assert (await unnamed.server.http.get("/admin/auth/methods")).json() == {"oidc": {"label": host}}


class TestWhoComesIn:
    async def test_nobody_becomes_an_admin_by_it(self, make_browser: MakeBrowser) -> None:
        browser = await make_browser()
        answer = await browser.sign_in()
        assert (answer.status_code, code_of(answer)) == (403, "admin_unknown")
        assert await browser.server.rows(Admin) == []

    async def test_from_the_second_time_on_the_subject_counts_and_no_address(self, browser: Browser) -> None:
        await browser.sign_in()
        browser.provider.person |= {"email": "countess@example.com", "email_verified": False}
        again = await browser.sign_in()
        assert (again.status_code, again.json()["admin"]["email"]) == (200, EMAIL)
        linked = await browser.server.rows(AuditEntry, action="admin.linked")
        assert [each["after"] for each in linked] == [{"issuer": browser.provider.url, "subject": "1001"}]

    async def test_whoever_has_the_address_next_does_not_come_in(self, browser: Browser) -> None:
        await browser.sign_in()
        browser.provider.person["sub"] = "2002"
        assert code_of(await browser.sign_in()) == "oidc_other_account"

    async def test_an_owners_new_link_lets_the_address_be_linked_anew(self, browser: Browser) -> None:
        owner = await sign_in(browser.server, email="owner@example.com")
        await browser.sign_in()
        (ada,) = [each for each in (await owner.get("/admin/admins"))["admins"] if each["email"] == EMAIL]
        assert ada["is_linked"]
        assert (await owner.ask("POST", f"/admin/admins/{ada['id']}/reset")).status_code == 200
        assert await browser.verify() == 401
        browser.provider.person["sub"] = "2002"
        assert (await browser.sign_in()).status_code == 200
        assert [each["subject"] for each in await browser.server.rows(AdminIdentity)] == ["2002"]

    @pytest.mark.parametrize(
        "person",
        [
            {"email_verified": False},
            {"email_verified": None},
            {"email_verified": "no"},
            {"email": None},
            {"email": ["ada@example.com"]},
            # The sign of the unit Kelvin is a k in lower case, and nobody's k.
            {"email": "\N{KELVIN SIGN}im@example.com"},
        ],
    )
    async def test_an_address_that_is_not_theirs_for_certain_counts_for_nothing(
        self, browser: Browser, person: dict[str, Any]
    ) -> None:
        await add_admin(browser.server, email="kim@example.com")
        browser.provider.person |= person
        assert code_of(await browser.sign_in()) == "oidc_unverified"
        assert await browser.server.rows(AdminIdentity) == []

    async def test_another_claim_may_say_that_the_address_is_theirs(self, make_browser: MakeBrowser) -> None:
        browser = await make_browser(oidc_verified_claim="xms_edov")
        await add_admin(browser.server)
        assert code_of(await browser.sign_in()) == "oidc_unverified"
        browser.provider.person |= {"xms_edov": "1", "email": "Ada@Example.com"}
        assert (await browser.sign_in()).status_code == 200

    @pytest.mark.parametrize("is_linked", [False, True])
    async def test_a_deactivated_admin_stays_out(self, browser: Browser, is_linked: bool) -> None:
        owner = await sign_in(browser.server, email="owner@example.com")
        if is_linked:
            await browser.sign_in()
        assert await browser.arrive() == "done"
        (ada,) = await browser.server.rows(Admin, email=EMAIL)
        await owner.ask("PATCH", f"/admin/admins/{ada['id']}", json={"is_active": False})
        assert code_of(await browser.finish()) == "admin_inactive"
        assert await browser.verify() == 401

    async def test_a_locked_admin_waits_or_is_unlocked(self, browser: Browser, clock: HandClock) -> None:
        for _ in range(5):
            guess = {"email": EMAIL, "password": "a guess of somebody"}
            await browser.server.http.post("/admin/auth/login", json=guess)
        assert code_of(await browser.sign_in()) == "admin_locked"
        clock.time += timedelta(minutes=2)
        assert (await browser.sign_in()).status_code == 200

    @pytest.mark.parametrize(
        ("settings", "person", "told"),
        [
            ({"oidc_domains": "example.com, example.org"}, {}, "done"),
            ({"oidc_domains": "Example.COM"}, {"email": "Ada@EXAMPLE.com"}, "done"),
            ({"oidc_domains": "example.org"}, {}, "oidc_not_allowed"),
            ({"oidc_domains": "ample.com"}, {}, "oidc_not_allowed"),
            ({"oidc_domains": "example.com"}, {"email_verified": False}, "oidc_not_allowed"),
            ({"oidc_claims": "groups=support,hd=example.com"}, {}, "oidc_not_allowed"),
            ({"oidc_claims": "groups=support"}, {"groups": ["sales", "support"]}, "done"),
            ({"oidc_claims": "groups=support"}, {"groups": ["support-readers"]}, "oidc_not_allowed"),
            ({"oidc_claims": "groups=support,hd=a=b"}, {"groups": "support", "hd": "a=b"}, "done"),
            ({"oidc_claims": "staff=true"}, {"staff": True}, "done"),
            ({"oidc_claims": "staff=None"}, {}, "oidc_not_allowed"),
        ],
    )
    async def test_only_those_come_in_of_whom_it_says_what_is_demanded(
        self, make_browser: MakeBrowser, settings: Any, person: Any, told: str
    ) -> None:
        lists = {name: tuple(each.strip() for each in value.split(",")) for name, value in settings.items()}
        browser = await make_browser(**lists)
        browser.provider.person |= person
        assert await browser.arrive() == told

    async def test_what_is_demanded_is_demanded_each_time(self, make_browser: MakeBrowser) -> None:
        browser = await make_browser(oidc_claims=("groups=support",))
        await add_admin(browser.server)
        browser.provider.person["groups"] = ["support"]
        assert (await browser.sign_in()).status_code == 200
        browser.provider.person["groups"] = []
        assert await browser.arrive() == "oidc_not_allowed"


class TestSecondFactor:
    async def enrol(self, server: Server, clock: HandClock) -> str:
        login = await server.http.post("/admin/auth/login", json={"email": EMAIL, "password": PASSWORD})
        operator = Operator(server, login.json()["token"])
        server.http.cookies.clear()
        begun = await operator.ask("POST", "/admin/auth/second-factor", json={"password": PASSWORD})
        secret = str(begun.json()["secret"])
        shown = {"code": code_at(secret, int(clock.now().timestamp()) // STEP_S)}
        await operator.ask("POST", "/admin/auth/second-factor/confirm", json=shown)
        clock.time += timedelta(seconds=STEP_S)
        return secret

    async def test_ours_is_asked_for_where_the_provider_vouches_for_none(
        self, browser: Browser, clock: HandClock
    ) -> None:
        secret = await self.enrol(browser.server, clock)
        browser.provider.person["amr"] = ["pwd"]
        assert code_of(await browser.sign_in()) == "second_factor_needed"
        assert code_of(await browser.finish("000000")) == "second_factor_invalid"
        assert await browser.verify() == 401
        assert await browser.server.rows(AdminIdentity) == []
        code = code_at(secret, int(clock.now().timestamp()) // STEP_S)
        assert (await browser.finish(code)).status_code == 200
        assert code_of(await browser.finish(code)) == "oidc_over"

    async def test_who_has_no_password_sets_one_up_right_after_signing_in(
        self, make_browser: MakeBrowser, clock: HandClock
    ) -> None:
        browser = await make_browser()
        owner = await sign_in(browser.server, email="owner@example.com")
        await owner.ask("POST", "/admin/admins", json={"email": EMAIL, "role": "viewer"})
        assert (await browser.sign_in()).json()["admin"]["has_password"] is False
        clock.time += timedelta(minutes=10)
        assert code_of(await begin_factor(browser)) == "session_old"
        await browser.sign_in()
        begun = await begin_factor(browser)
        code = code_at(begun.json()["secret"], int(clock.now().timestamp()) // STEP_S)
        confirmed = await browser.server.http.post(
            "/admin/auth/second-factor/confirm", json={"code": code}, headers=HERE
        )
        assert confirmed.status_code == 200
        assert code_of(await browser.sign_in()) == "second_factor_needed"

    async def test_guessing_codes_locks_the_account(self, browser: Browser, clock: HandClock) -> None:
        await self.enrol(browser.server, clock)
        await browser.arrive()
        assert {code_of(await browser.finish("000000")) for _ in range(5)} == {"second_factor_invalid"}
        assert code_of(await browser.finish("000000")) == "admin_locked"

    @pytest.mark.parametrize("way", ["mfa", "otp", "hwk"])
    async def test_the_providers_counts_where_it_vouches_for_one(
        self, browser: Browser, clock: HandClock, way: str
    ) -> None:
        await self.enrol(browser.server, clock)
        browser.provider.person["amr"] = ["pwd", way]
        assert (await browser.sign_in()).status_code == 200

    @pytest.mark.parametrize(("ways", "status"), [(["mfa"], 200), (["pwd"], 403), ("mfa", 403), (None, 403)])
    async def test_where_one_is_demanded_the_providers_does(
        self, make_browser: MakeBrowser, ways: Any, status: int
    ) -> None:
        browser = await make_browser(require_second_factor=True)
        await add_admin(browser.server)
        browser.provider.person["amr"] = ways
        await browser.sign_in()
        assert (await browser.server.http.get("/admin/plugins")).status_code == status
        (session,) = await browser.server.rows(AdminSession)
        assert session["is_vouched"] is (status == 200)


async def begin_factor(browser: Browser) -> httpx.Response:
    given = {"password": ""}
    return await browser.server.http.post("/admin/auth/second-factor", json=given, headers=HERE)


async def test_the_session_of_a_page_is_told_without_a_refusal(browser: Browser) -> None:
    nobody = await browser.server.http.get("/admin/auth/session")
    stale = await browser.server.http.get("/admin/auth/session", headers={"Authorization": "Bearer x"})
    for answer in (nobody, stale):
        assert (answer.status_code, answer.json()) == (200, {"signed_in": None})
    await browser.sign_in()
    told = (await browser.server.http.get("/admin/auth/session")).json()
    verified = (await browser.server.http.get("/admin/auth/verify")).json()
    assert told == {"signed_in": verified}
