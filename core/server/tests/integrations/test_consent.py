"""An admin lets csai into a client's system: nobody else's browser, no other connection, only once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import csai_integration_rest
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from csai.models import AuditEntry, ClientIntegration
from csai_sdk import ToolCall
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory
from tests.support.systems import Connected, connect

PUBLIC = "https://csai.example"
CALLBACK = "/admin/integrations/callback"


@dataclass
class Vendor:
    """Gives tokens for the one code, to whoever knows the verifier of its challenge."""

    url: str = ""
    challenge: str = ""
    grants: list[dict[str, str]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.grants.append(form)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge or form["code"] != "good":
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": "given", "refresh_token": "r", "expires_in": 3600})

    async def me(self, request: web.Request) -> web.Response:
        is_known = request.headers.get("authorization") == "Bearer given"
        return web.json_response({"name": "Ada"}, status=200 if is_known else 401)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    made = Vendor()
    app = web.Application()
    app.router.add_post("/token", made.token)
    app.router.add_get("/me", made.me)
    async with TestServer(app) as running:
        made.url = str(running.make_url("")).rstrip("/")
        yield made


async def connected(
    make_server: ServerFactory, vendor: Vendor, *scripts: Any, **settings: Any
) -> tuple[Server, Operator, Connected]:
    server = await make_server(
        ScriptedProvider(*scripts),
        plugins={"rest": csai_integration_rest},
        egress_allow="127.0.0.0/8",
        **({"public_url": PUBLIC} | settings),
    )
    operator = await sign_in(server)
    made = await connect(
        operator,
        type_="rest",
        base_url=vendor.url,
        auth="consent",
        authorize_url=f"{vendor.url}/authorize",
        token_url=f"{vendor.url}/token",
        client_id="csai",
    )
    return server, operator, made


async def begun(operator: Operator, made: Connected, vendor: Vendor) -> str:
    """The state that comes back with the browser."""
    answer = await operator.ask("POST", f"{made.path}/consent")
    assert answer.status_code == 200, answer.text
    asked = {name: value[0] for name, value in parse_qs(urlsplit(answer.json()["url"]).query).items()}
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == (PUBLIC + CALLBACK, "S256")
    vendor.challenge = asked["code_challenge"]
    return str(asked["state"])


async def come_back(operator: Operator, state: str, **query: str) -> Any:
    return await operator.ask("GET", CALLBACK, params={"state": state, "code": "good", "here": "1"} | query)


async def test_what_an_admin_consented_to_is_read_in_a_turn(
    make_server: ServerFactory, vendor: Vendor
) -> None:
    server, operator, made = await connected(make_server, vendor, [ToolCall("c", "me", {})], ["Ada."])
    await made.endpoint("me", url="/me", parameters_schema={"type": "object"})
    await made.offer("me")

    answer = await come_back(operator, await begun(operator, made, vendor))
    said = (await server.say("Who am I?")).json()

    assert answer.status_code == 200, answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert said["tool_calls"][0]["success"] is True
    (row,) = await server.rows(ClientIntegration)
    assert "given" not in str(dict(row))
    actions = [entry["action"] for entry in await server.rows(AuditEntry)]
    assert {"integration.consent_begun", "integration.consented"} <= set(actions)


async def test_a_browser_from_another_site_is_sent_once_more_by_us(
    make_server: ServerFactory, vendor: Vendor
) -> None:
    server, operator, made = await connected(make_server, vendor)
    state = await begun(operator, made, vendor)

    answer = await server.http.get(CALLBACK, params={"state": state, "code": '"><script>'})

    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "here=1" in answer.text
    assert "<script>" not in answer.text
    assert vendor.grants == []
    unsigned = await server.http.get(CALLBACK, params={"state": state, "code": "good", "here": "1"})
    assert unsigned.status_code == 401


@pytest.mark.parametrize("how", ["used", "replaced", "late", "another admin", "changed", "nonsense", "empty"])
async def test_a_consent_that_is_not_awaited_is_refused(
    make_server: ServerFactory, vendor: Vendor, how: str
) -> None:
    clock = FakeClock()
    server, operator, made = await connected(make_server, vendor, clock=clock)
    state, who = await begun(operator, made, vendor), operator
    if how == "used":
        await come_back(operator, state)
    elif how == "replaced":
        await begun(operator, made, vendor)
    elif how == "late":
        clock.advance(601)
    elif how == "another admin":
        who = await sign_in(server, email="eve@example.com")
    elif how == "changed":
        state = "A" + state[1:]
    else:
        state = {"nonsense": "é.\x00", "empty": ""}[how]
    asked = len(vendor.grants)

    answer = await come_back(who, state)

    assert (answer.status_code, answer.json()["code"]) == (400, "consent_invalid")
    assert len(vendor.grants) == asked


async def test_a_refusal_is_told_and_nothing_is_kept(make_server: ServerFactory, vendor: Vendor) -> None:
    server, operator, made = await connected(make_server, vendor)

    refused = await come_back(operator, await begun(operator, made, vendor), code="", error="access_denied")
    wrong = await come_back(operator, await begun(operator, made, vendor), code="wrong")

    assert (refused.status_code, refused.json()["code"]) == (409, "consent_refused")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "consent_failed")
    (row,) = await server.rows(ClientIntegration)
    assert row["tokens_encrypted"] is None


async def test_a_consent_needs_an_address_to_come_back_to(make_server: ServerFactory, vendor: Vendor) -> None:
    _, operator, made = await connected(make_server, vendor, public_url="")
    answer = await operator.ask("POST", f"{made.path}/consent")
    assert (answer.status_code, answer.json()["code"]) == (409, "public_url_missing")


async def test_a_connection_that_needs_none_says_so(make_server: ServerFactory, vendor: Vendor) -> None:
    _, operator, _ = await connected(make_server, vendor)
    other = await connect(operator, type_="rest", name="other", base_url=vendor.url)
    answer = await operator.ask("POST", f"{other.path}/consent")
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_not_needed")
