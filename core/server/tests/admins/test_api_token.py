"""API tokens: what a script may do with one, and what ends it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from csai.admins.account import change_admin, find_account, reset_admin
from csai.admins.audit import CLI
from csai.kit.crypto import key_hash
from csai.kit.identifier import new_id
from csai.models import ApiToken, AuditEntry
from csai_testkit.scripted import ScriptedProvider

from tests.support.clock import HandClock
from tests.support.operator import EMAIL, PASSWORD, Operator, sign_in
from tests.support.server import Server, ServerFactory

BEN = "ben@example.com"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def server(make_server: ServerFactory, clock: HandClock) -> Server:
    return await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)


async def make(operator: Operator, name: str = "", **asked: Any) -> dict[str, Any]:
    answer = await operator.ask("POST", "/admin/tokens", json={"name": name or new_id(), **asked})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def script(operator: Operator, **asked: Any) -> Operator:
    """Whoever shows a token made so."""
    return Operator(operator.server, (await make(operator, **asked))["token"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def switch(operator: Operator) -> httpx.Response:
    path = f"/admin/clients/{operator.server.client.id}/plugins/test"
    return await operator.change(path, {"enabled": False})


async def change(server: Server, who: str, **changes: Any) -> None:
    async with server.services.database.write() as transaction:
        account = await find_account(transaction, who)
        await change_admin(transaction, account, changes, actor=CLI, at=server.services.clock.now())


async def test_a_token_is_shown_once_and_only_its_hash_is_kept(server: Server) -> None:
    operator = await sign_in(server)
    made = await make(operator)
    assert made["token"].startswith("csai_")
    (row,) = await server.rows(ApiToken)
    assert row["token_hash"] == key_hash(made["token"])
    (listed,) = (await operator.get("/admin/tokens"))["tokens"]
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert made["token"] not in repr((row, await server.rows(AuditEntry)))


async def test_a_token_to_read_reads_and_changes_nothing(server: Server) -> None:
    reader = await script(await sign_in(server), role="owner")
    assert (await reader.get("/admin/auth/verify"))["admin"]["email"] == EMAIL
    assert refusal(await switch(reader)) == (403, "token_read_only")
    assert refusal(await reader.ask("DELETE", "/admin/spending/stop")) == (403, "token_read_only")


async def test_what_a_token_changes_says_whose_token_it_was(server: Server) -> None:
    operator = await sign_in(server)
    writer = await script(operator, name="report", scope="write", role="admin")
    assert (await switch(writer)).status_code == 200
    entry = (await operator.get("/admin/audit", action="plugin.switched"))["entries"][0]
    assert (entry["actor"], entry["actor_name"]) == ("token", f"token:report of {EMAIL}")
    assert entry in (await operator.get("/admin/audit", actor=EMAIL))["entries"]


async def test_a_tokens_role_is_the_lesser_of_its_own_and_its_owners(server: Server) -> None:
    await sign_in(server)
    operator = await sign_in(server, email=BEN, role="admin")
    asked = {"name": "x", "role": "owner"}
    assert refusal(await operator.ask("POST", "/admin/tokens", json=asked)) == (
        403,
        "role_insufficient",
    )
    viewer, writer = [await script(operator, scope="write", role=role) for role in ("viewer", "admin")]
    assert refusal(await switch(viewer)) == (403, "role_insufficient")
    assert (await switch(writer)).status_code == 200
    await change(server, BEN, role="viewer")
    assert refusal(await switch(writer)) == (403, "role_insufficient")


async def test_a_tokens_clients_are_those_that_its_owner_has_too(server: Server) -> None:
    own, other = server.client.id, (await server.add_client()).id
    await sign_in(server)
    operator = await sign_in(server, email=BEN, client_ids=[own, other])
    narrow, wide = await script(operator, client_ids=[own]), await script(operator)
    assert [await seen(narrow), await seen(wide)] == [[own], sorted([own, other])]
    answers = [await narrow.ask("GET", f"/admin/clients/{each}/plugins") for each in (other, new_id())]
    assert {refusal(answer) for answer in answers} == {(404, "not_found")}
    assert len({repr({**answer.json(), "request_id": ""}) for answer in answers}) == 1
    await change(server, BEN, client_ids=[other])
    assert [await seen(narrow), await seen(wide)] == [[], [other]]


async def seen(operator: Operator) -> list[str]:
    found: list[str] = (await operator.get("/admin/auth/verify"))["admin"]["client_ids"]
    return found


async def test_a_token_is_made_for_no_client_of_others(server: Server) -> None:
    other = (await server.add_client()).id
    operator = await sign_in(server, email=BEN, client_ids=[server.client.id])
    answers = [
        await operator.ask("POST", "/admin/tokens", json={"name": "x", "client_ids": [each]})
        for each in (other, new_id(), "x")
    ]
    assert {refusal(answer) for answer in answers} == {(404, "not_found")}
    assert len({answer.json()["detail"] for answer in answers}) == 1


async def test_whatever_ends_a_token_it_is_answered_like_an_unknown_one(
    server: Server, clock: HandClock
) -> None:
    owner, ben = await sign_in(server), await sign_in(server, email=BEN)
    revoked, expired = await make(owner), await script(owner, expires_in_days=1)
    of_inactive, working = await script(ben), await script(owner)
    assert (await owner.ask("DELETE", f"/admin/tokens/{revoked['id']}")).status_code == 200
    await change(server, BEN, is_active=False)
    clock.time += timedelta(days=1)
    tokens = [revoked["token"], expired.token, of_inactive.token, "csai_unknown", "csai_", "x"]
    answers = [await Operator(server, each).ask("GET", "/admin/auth/verify") for each in tokens]
    assert len({repr({**answer.json(), "request_id": ""}) for answer in answers}) == 1
    assert refusal(answers[0]) == (401, "token_invalid")
    assert (await working.ask("GET", "/admin/auth/verify")).status_code == 200


async def test_a_reset_takes_the_tokens_as_well(server: Server) -> None:
    await sign_in(server)
    reader = await script(await sign_in(server, email=BEN))
    async with server.services.database.write() as transaction:
        account = await find_account(transaction, BEN)
        await reset_admin(transaction, account, actor=CLI, at=server.services.clock.now())
    assert (await reader.ask("GET", "/admin/auth/verify")).status_code == 401


async def test_a_token_is_no_cookie(server: Server) -> None:
    made = await make(await sign_in(server))
    answer = await server.http.get("/admin/auth/verify", headers={"Cookie": f"csai_admin={made['token']}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", f"/admin/auth/{each}") for each in ("refresh", "logout", "password", "second-factor")),
        *((method, "/admin/auth/sessions") for method in ("GET", "DELETE")),
        ("DELETE", "/admin/auth/sessions/x"),
        *((method, "/admin/tokens") for method in ("GET", "POST")),
        ("DELETE", "/admin/tokens/x"),
        ("GET", "/admin/integrations/callback?here=1"),
    ],
)
async def test_a_token_does_nothing_that_is_for_its_owner_alone(
    server: Server, method: str, path: str
) -> None:
    writer = await script(await sign_in(server), role="owner", scope="write")
    assert refusal(await writer.ask(method, path, json={})) == (403, "session_required")


async def test_its_last_use_is_kept_to_the_minute(server: Server, clock: HandClock) -> None:
    reader = await script(await sign_in(server))
    began = clock.time
    uses = []
    for pause in (0, 59, 1):
        clock.time += timedelta(seconds=pause)
        await reader.get("/admin/auth/verify")
        (row,) = await server.rows(ApiToken)
        uses.append(datetime.fromisoformat(str(row["last_used_at"])).replace(tzinfo=UTC) - began)
    assert uses == [timedelta(0), timedelta(0), timedelta(minutes=1)]


async def test_an_owner_sees_and_ends_tokens_of_those_they_see_and_others_their_own(
    server: Server,
) -> None:
    ada = await sign_in(server)
    bound = await sign_in(server, email=BEN, client_ids=[server.client.id])
    eve = await sign_in(server, email="eve@example.com", role="viewer", client_ids=[server.client.id])
    made = {who: await make(each) for who, each in (("ada", ada), ("ben", bound), ("eve", eve))}

    async def names(operator: Operator) -> set[str]:
        return {each["owner"].partition("@")[0] for each in (await operator.get("/admin/tokens"))["tokens"]}

    assert [await names(each) for each in (ada, bound, eve)] == [
        {"ada", "ben", "eve"},
        {"ben", "eve"},
        {"eve"},
    ]
    answers = [
        await bound.ask("DELETE", f"/admin/tokens/{each}") for each in (made["ada"]["id"], new_id(), "x")
    ]
    assert {refusal(answer) for answer in answers} == {(404, "not_found")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    ended = [await bound.ask("DELETE", f"/admin/tokens/{made['eve']['id']}") for _ in range(2)]
    assert [answer.status_code for answer in ended] == [200, 404]


@pytest.mark.parametrize(
    "asked",
    [
        {"name": " "},
        {"name": "a\nb"},
        {"name": "x" * 61},
        {"client_ids": []},
        {"expires_in_days": 0},
        {"expires_in_days": 367},
        {"scope": "admin"},
        {"role": "god"},
    ],
)
async def test_what_cannot_be_is_refused(server: Server, asked: dict[str, Any]) -> None:
    operator = await sign_in(server)
    answer = await operator.ask("POST", "/admin/tokens", json={"name": "x", **asked})
    assert refusal(answer) == (422, "request_invalid")


async def test_nobody_has_tokens_without_end(server: Server) -> None:
    operator = await sign_in(server)
    first = await make(operator)
    for _ in range(48):
        await make(operator)
    answers = await asyncio.gather(
        *(operator.ask("POST", "/admin/tokens", json={"name": f"late {number}"}) for number in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    answer = await operator.ask("POST", "/admin/tokens", json={"name": "x"})
    assert refusal(answer) == (409, "too_many_tokens")
    await operator.ask("DELETE", f"/admin/tokens/{first['id']}")
    await make(operator)


async def test_an_admins_tokens_that_work_have_different_names(server: Server, clock: HandClock) -> None:
    ada = await sign_in(server)
    ben = await sign_in(server, email=BEN)
    answers = await asyncio.gather(
        *(ada.ask("POST", "/admin/tokens", json={"name": name}) for name in ("report", "Report ", "REPORT"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    taken = await ada.ask("POST", "/admin/tokens", json={"name": "report"})
    assert refusal(taken) == (409, "token_exists")
    await make(ben, "report")
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    await ada.ask("DELETE", f"/admin/tokens/{made['id']}")
    await make(ada, "report", expires_in_days=1)
    clock.time += timedelta(days=1)
    answer = await server.http.post("/admin/auth/login", json={"email": EMAIL, "password": PASSWORD})
    await make(Operator(server, answer.json()["token"]), "report")
