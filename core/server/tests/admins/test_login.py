"""Who may come in at the admin side, from where, and for how long."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from csai.admins.token import AUDIENCE, PURPOSE
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.models import Admin, AdminSession, AuditEntry
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.operator import EMAIL, PASSWORD, Operator, add_admin, sign_in
from tests.support.server import Server, ServerFactory


async def login(server: Server, *, headers: dict[str, str] | None = None, **given: str) -> httpx.Response:
    body = {"email": EMAIL, "password": PASSWORD} | given
    return await server.http.post("/admin/auth/login", json=body, headers=headers)


async def verify(server: Server, **headers: str) -> httpx.Response:
    return await server.http.get("/admin/auth/verify", headers=headers)


async def test_there_is_no_admin_and_no_password_until_one_is_made(echo_server: Server) -> None:
    assert await echo_server.rows(Admin) == []
    answer = await login(echo_server, password="admin")
    assert (answer.status_code, answer.json()["code"]) == (401, "login_invalid")


async def test_an_admin_signs_in_and_what_is_stored_is_no_password(echo_server: Server) -> None:
    admin_id = await add_admin(echo_server)
    answer = await login(echo_server, email="  ADA@Example.com ")

    assert answer.status_code == 200, answer.text
    token = answer.json()["token"]
    assert answer.json()["admin"] == {
        "id": admin_id,
        "email": EMAIL,
        "role": "owner",
        "client_ids": None,
        "has_second_factor": False,
        "has_password": True,
    }
    echo_server.http.cookies.clear()
    assert (await verify(echo_server, Authorization=f"Bearer {token}")).json()["admin"]["id"] == admin_id
    (row,) = await echo_server.rows(Admin)
    assert row["password_hash"].startswith("$argon2id$")
    actions = [entry["action"] for entry in await echo_server.rows(AuditEntry)]
    assert {"admin.created", "admin.logged_in"} <= set(actions)
    assert PASSWORD not in repr(await echo_server.rows(AuditEntry))


async def test_whoever_is_unknown_is_refused_like_a_wrong_password(echo_server: Server) -> None:
    await add_admin(echo_server)
    wrong = await login(echo_server, password="a sentence of yours")
    unknown = await login(echo_server, email="eve@example.com")
    for answer in (wrong, unknown):
        assert answer.status_code == 401
    assert [{**each.json(), "request_id": ""} for each in (wrong, unknown)] == [
        {**wrong.json(), "request_id": ""}
    ] * 2


async def test_what_no_database_can_hold_is_refused_and_not_a_failure(echo_server: Server) -> None:
    operator = await sign_in(echo_server)
    assert (await login(echo_server, email="ada\x00@example.com")).json()["code"] == "login_invalid"
    for query in ({"object": "a\x00"}, {"client_id": "x"}, {"before": "\x00"}, {"limit": "0"}):
        answer = await operator.ask("GET", "/admin/audit", params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), query


async def test_too_many_attempts_are_refused_even_with_the_right_password(echo_server: Server) -> None:
    await add_admin(echo_server)
    answers = [await login(echo_server, password="guess") for _ in range(10)]
    assert {answer.status_code for answer in answers} == {401}
    refused = await login(echo_server)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_a_token_ends_after_a_day(make_server: ServerFactory) -> None:
    clock = HandClock()
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)
    operator = await sign_in(server)
    bearer = {"Authorization": f"Bearer {operator.token}"}
    clock.time += timedelta(hours=24, seconds=-1)
    assert (await verify(server, **bearer)).status_code == 200
    clock.time += timedelta(seconds=1)
    assert (await verify(server, **bearer)).json()["code"] == "token_invalid"


async def claims_of(server: Server, admin_id: str) -> dict[str, Any]:
    """What a token of a session of the admin says."""
    session_id, now = new_id(), datetime.now(UTC)
    await server.insert(
        AdminSession,
        id=session_id,
        admin_id=admin_id,
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    return {"aud": AUDIENCE, "sub": admin_id, "jti": session_id, "exp": 4_000_000_000}


def forged(claims: dict[str, Any], key: Any, algorithm: str | None = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_tokens_that_somebody_else_made_open_nothing(echo_server: Server) -> None:
    admin_id = await add_admin(echo_server)
    claims = await claims_of(echo_server, admin_id)
    keyring = echo_server.services.keyring
    own = keyring.derived_keys(PURPOSE)[0]
    assert (await verify(echo_server, Authorization=f"Bearer {forged(claims, own)}")).status_code == 200
    tokens = [
        forged(claims, None, "none"),
        forged(claims, Keyring(["another key"]).derived_keys(PURPOSE)[0]),
        forged(claims, keyring.derived_keys("session")[0]),
        forged(claims, own, "HS512"),
        forged({**claims, "aud": "another"}, own),
        forged({**claims, "jti": new_id()}, own),
        forged({**claims, "jti": 2}, own),
        forged({**claims, "sub": new_id()}, own),
        forged({**claims, "sub": "x"}, own),
        forged({name: claims[name] for name in ("aud", "sub", "jti")}, own),
        "x",
        "a.b.c",
    ]
    for token in tokens:
        assert (await verify(echo_server, Authorization=f"Bearer {token}")).status_code == 401, token
    assert (await verify(echo_server)).json()["code"] == "token_missing"


async def test_a_token_of_an_older_key_is_good_until_that_key_is_dropped(echo_server: Server) -> None:
    admin_id = await add_admin(echo_server)
    keyring = echo_server.services.keyring
    keyring._roots.append(b"an older key")
    claims = await claims_of(echo_server, admin_id)
    token = forged(claims, Keyring(["an older key"]).derived_keys(PURPOSE)[0])
    assert (await verify(echo_server, Authorization=f"Bearer {token}")).status_code == 200
    keyring._roots.pop()
    assert (await verify(echo_server, Authorization=f"Bearer {token}")).status_code == 401


class TestCookie:
    async def test_a_browser_has_the_token_where_no_script_reads_it(self, echo_server: Server) -> None:
        await add_admin(echo_server)
        cookie = (await login(echo_server)).headers["set-cookie"].lower()
        assert all(mark in cookie for mark in ("httponly", "samesite=strict", "path=/admin", "max-age=86400"))
        assert (await verify(echo_server)).status_code == 200

    @pytest.mark.parametrize(
        ("headers", "is_let_in"),
        [
            ({}, False),
            ({"Sec-Fetch-Site": "same-origin"}, True),
            ({"Sec-Fetch-Site": "cross-site"}, False),
            ({"Sec-Fetch-Site": "same-site", "Origin": "http://csai.test"}, False),
            ({"Sec-Fetch-Site": "none"}, False),
            ({"Origin": "http://csai.test"}, True),
            ({"Origin": "https://evil.example"}, False),
            ({"Origin": "http://csai.test.evil.example"}, False),
            ({"Origin": "null"}, False),
        ],
    )
    async def test_another_sites_page_changes_nothing_with_it(
        self, echo_server: Server, headers: dict[str, str], is_let_in: bool
    ) -> None:
        await add_admin(echo_server)
        await login(echo_server)
        answer = await echo_server.http.post("/admin/auth/logout", headers=headers)
        assert answer.status_code == (200 if is_let_in else 403), answer.text
        if not is_let_in:
            assert answer.json()["code"] == "cross_site"

    async def test_another_sites_page_signs_nobody_in(self, echo_server: Server) -> None:
        await add_admin(echo_server)
        answer = await login(echo_server, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)

    async def test_it_is_for_https_alone_where_the_installation_is(self, make_server: ServerFactory) -> None:
        server = await make_server(
            ScriptedProvider(["Hello!"], is_endless=True), public_url="https://chat.example.com"
        )
        await add_admin(server)
        assert "secure" in (await login(server)).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("role", "read", "changed"), [("admin", 200, 200), ("viewer", 200, 403), ("teammate", 200, 403)]
)
async def test_a_role_does_what_it_may(echo_server: Server, role: Any, read: int, changed: int) -> None:
    operator: Operator = await sign_in(echo_server, role=role)
    path = f"/admin/clients/{echo_server.client.id}/plugins/test"
    assert (await operator.ask("GET", "/admin/plugins")).status_code == read
    assert (await operator.ask("GET", path)).status_code == read
    assert (await operator.change(path, {"enabled": False})).status_code == changed
    assert (await operator.ask("GET", "/admin/auth/verify")).status_code == 200


WITHOUT_TOKEN = {
    *("/admin/auth/login", "/admin/auth/link", "/admin/auth/welcome", "/admin/auth/session"),
    *("/admin/auth/methods", "/admin/auth/oidc", "/admin/auth/oidc/callback", "/admin/auth/oidc/finish"),
}


async def test_every_admin_route_is_shut_without_a_token(echo_server: Server) -> None:
    spec = (await echo_server.http.get("/openapi.json")).json()
    routes = [
        (method, path)
        for path, operations in spec["paths"].items()
        if path.startswith("/admin/") and path not in WITHOUT_TOKEN
        for method in operations
    ]
    assert len(routes) >= 9
    for method, path in routes:
        where = re.sub(r"\{\w+\}", "test", path.replace("{client_id}", echo_server.client.id))
        # `here`: the browser's second visit, which is the one that does something.
        query = {"enabled": "false", "here": "true"}
        answer = await echo_server.http.request(method, where, params=query, headers={"If-Match": "*"})
        # A payment vendor signs what it delivers, and has no token.
        code = "webhook_forged" if "/billing/webhook" in path else "token_missing"
        assert (answer.status_code, answer.json()["code"]) == (401, code), where
        assert answer.headers["cache-control"] == "no-store"
