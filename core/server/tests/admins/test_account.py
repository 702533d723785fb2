"""Accounts: invited by a link, changed and shut out by owners, within what those may operate themselves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from csai.admins.account import first_link
from csai.kit.identifier import new_id
from csai.models import Admin, AdminLink, AuditEntry
from csai_testkit.scripted import ScriptedProvider

from tests.support.operator import EMAIL, PASSWORD, Operator, add_admin, sign_in
from tests.support.server import Server, ServerFactory

BEN = "ben@example.com"
CHOSEN = "a sentence that ben chose"


async def invite(operator: Operator, **values: Any) -> Any:
    answer = await operator.ask("POST", "/admin/admins", json={"email": BEN, "role": "viewer"} | values)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def welcome(server: Server, token: str, **values: str) -> httpx.Response:
    return await server.http.post("/admin/auth/welcome", json={"token": token, "password": CHOSEN} | values)


async def login(server: Server, email: str = BEN, password: str = CHOSEN) -> httpx.Response:
    answer = await server.http.post("/admin/auth/login", json={"email": email, "password": password})
    server.http.cookies.clear()
    return answer


def token_of(link: dict[str, Any]) -> str:
    return str(link["url"]).partition("/dashboard/welcome#token=")[2]


async def test_an_invited_admin_chooses_a_password_once(echo_server: Server) -> None:
    owner = await sign_in(echo_server)
    made = await invite(owner, client_ids=[echo_server.client.id])
    token = token_of(made["link"])
    assert not made["admin"]["has_password"]
    assert (await login(echo_server)).status_code == 401
    seen = await echo_server.http.post("/admin/auth/link", json={"token": token})
    assert seen.json() == {"email": BEN}

    assert (await welcome(echo_server, token, password="short")).json()["code"] == "password_invalid"
    assert (await welcome(echo_server, token)).json() == {"email": BEN}
    assert (await login(echo_server)).json()["admin"]["client_ids"] == [echo_server.client.id]
    for answer in (
        await welcome(echo_server, token, password="another sentence of theirs"),
        await echo_server.http.post("/admin/auth/link", json={"token": token}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "link_invalid")
    rows = repr((await echo_server.rows(AuditEntry), await echo_server.rows(AdminLink)))
    assert token not in rows


async def test_a_link_is_over_after_a_day(make_server: ServerFactory) -> None:
    class Clock:
        time = datetime.now(UTC)

        def now(self) -> datetime:
            return self.time

    clock = Clock()
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)
    token = token_of((await invite(await sign_in(server)))["link"])
    clock.time += timedelta(hours=24)
    assert (await welcome(server, token)).json()["code"] == "link_invalid"


async def first_token(server: Server) -> str:
    async with server.services.database.write() as transaction:
        link = await first_link(transaction, at=datetime.now(UTC))
    assert link is not None
    return link.token


async def test_the_first_admin_comes_by_a_link_and_is_an_owner(echo_server: Server) -> None:
    token, other = await first_token(echo_server), await first_token(echo_server)
    seen = await echo_server.http.post("/admin/auth/link", json={"token": token})
    assert seen.json() == {"email": None}
    assert (await welcome(echo_server, token)).json()["code"] == "email_invalid"
    assert (await welcome(echo_server, token, email="Ben@Example.com")).json() == {"email": BEN}
    assert (await login(echo_server)).json()["admin"]["role"] == "owner"
    for used in (token, other):
        answer = await welcome(echo_server, used, email="eve@example.com")
        assert (answer.status_code, answer.json()["code"]) == (401, "link_invalid")
    async with echo_server.services.database.write() as transaction:
        assert await first_link(transaction, at=datetime.now(UTC)) is None


async def test_two_at_once_make_one_first_admin(echo_server: Server) -> None:
    token = await first_token(echo_server)
    answers = await asyncio.gather(
        *(welcome(echo_server, token, email=f"{name}@example.com") for name in ("ben", "eve", "joe"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    assert len(await echo_server.rows(Admin)) == 1


async def test_an_address_is_invited_once_also_by_many_at_once(echo_server: Server) -> None:
    owner = await sign_in(echo_server)
    invited = {"email": BEN, "role": "viewer", "client_ids": None}
    answers = await asyncio.gather(*(owner.ask("POST", "/admin/admins", json=invited) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "admin_exists"}


async def test_a_changed_role_or_client_holds_at_once(echo_server: Server) -> None:
    owner = await sign_in(echo_server)
    ben = await sign_in(echo_server, email=BEN, role="admin")
    ben_id = (await ben.get("/admin/auth/verify"))["admin"]["id"]
    path = f"/admin/admins/{ben_id}"
    changed = await owner.change(path, {"role": "viewer", "client_ids": [echo_server.client.id]})
    assert changed.status_code == 200, changed.text
    assert (await ben.ask("GET", "/admin/auth/verify")).status_code == 401
    signed_in = (await login(echo_server, password=PASSWORD)).json()["admin"]
    assert (signed_in["role"], signed_in["client_ids"]) == ("viewer", [echo_server.client.id])
    (entry,) = [each for each in await echo_server.rows(AuditEntry) if each["action"] == "admin.changed"]
    assert (entry["before"]["role"], entry["after"]["role"]) == ("admin", "viewer")

    ben = Operator(echo_server, (await login(echo_server, password=PASSWORD)).json()["token"])
    assert (await owner.change(path, {"is_active": False})).json()["is_active"] is False
    assert (await ben.ask("GET", "/admin/auth/verify")).status_code == 401
    assert (await login(echo_server, password=PASSWORD)).status_code == 401
    assert (await owner.ask("POST", f"{path}/reset")).json()["code"] == "admin_inactive"
    await owner.change(path, {"is_active": True})
    assert (await login(echo_server, password=PASSWORD)).status_code == 200


async def test_a_reset_takes_the_password_and_every_session_away(echo_server: Server) -> None:
    owner, ben = await sign_in(echo_server), await sign_in(echo_server, email=BEN)
    ben_id = (await ben.get("/admin/auth/verify"))["admin"]["id"]
    links = [(await owner.ask("POST", f"/admin/admins/{ben_id}/reset")).json() for _ in range(2)]
    assert (await ben.ask("GET", "/admin/auth/verify")).status_code == 401
    assert (await login(echo_server, password=PASSWORD)).status_code == 401
    assert (await welcome(echo_server, token_of(links[0]))).status_code == 401
    assert (await welcome(echo_server, token_of(links[1]))).status_code == 200
    assert (await login(echo_server)).status_code == 200


async def test_a_locked_admin_is_let_in_by_an_owner(echo_server: Server) -> None:
    owner = await sign_in(echo_server)
    ben_id = await add_admin(echo_server, email=BEN)
    for _ in range(5):
        await login(echo_server, password="guess")
    assert (await owner.get(f"/admin/admins/{ben_id}"))["locked_until"] is not None
    assert (await owner.ask("POST", f"/admin/admins/{ben_id}/unlock")).json()["locked_until"] is None
    assert (await login(echo_server, password=PASSWORD)).status_code == 200


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_active": False}, {"client_ids": ["own"]}])
async def test_the_installation_keeps_an_owner(echo_server: Server, change: dict[str, Any]) -> None:
    owner = await sign_in(echo_server)
    if "client_ids" in change:
        change = {"client_ids": [echo_server.client.id]}
    path = f"/admin/admins/{(await owner.get('/admin/auth/verify'))['admin']['id']}"
    refused = await owner.change(path, change)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
    assert (await owner.get(path))["role"] == "owner"
    await add_admin(echo_server, email=BEN)
    assert (await owner.change(path, change)).status_code == 200


async def test_two_owners_who_shut_each_other_out_leave_one(echo_server: Server) -> None:
    owners = [await sign_in(echo_server), await sign_in(echo_server, email=BEN)]
    ids = [(await each.get("/admin/auth/verify"))["admin"]["id"] for each in owners]
    await asyncio.gather(
        *(
            owner.change(f"/admin/admins/{other}", {"is_active": False})
            for owner, other in zip(owners, reversed(ids), strict=True)
        )
    )
    assert sum(row["is_active"] for row in await echo_server.rows(Admin)) == 1


async def test_only_owners_manage_admins(echo_server: Server) -> None:
    admin_id = await add_admin(echo_server)
    ben = await sign_in(echo_server, email=BEN, role="admin")
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("PATCH", f"/{admin_id}"),
        ("POST", f"/{admin_id}/reset"),
    ):
        answer = await ben.ask(method, f"/admin/admins{path}", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "role_insufficient")


async def test_nobody_is_invited_to_a_client_that_there_is_not(echo_server: Server) -> None:
    owner, own = await sign_in(echo_server), echo_server.client.id
    body = {"email": BEN, "role": "viewer", "client_ids": [own, new_id()]}

    assert (await owner.ask("POST", "/admin/admins", json=body)).status_code == 404
    assert [row["email"] for row in await echo_server.rows(Admin)] == [EMAIL]
    made = await invite(owner, client_ids=[own, own])
    assert made["admin"]["client_ids"] == [own]


class TestOwnerOfSomeClients:
    """They give away no more than they have."""

    async def test_they_see_and_invite_admins_of_their_clients(self, echo_server: Server) -> None:
        other, own = await echo_server.add_client(), echo_server.client.id
        await sign_in(echo_server)
        await add_admin(echo_server, email="both@example.com", client_ids=[own, other.id])
        await add_admin(echo_server, email="none@example.com", client_ids=[])
        ben = await sign_in(echo_server, email=BEN, client_ids=[own])
        await invite(ben, email="joe@example.com", client_ids=[own])
        seen = [each["email"] for each in (await ben.get("/admin/admins"))["admins"]]
        assert seen == [BEN, "joe@example.com"]

    @pytest.mark.parametrize("is_bound", [False, True], ids=["all", "bound"])
    async def test_they_read_them_a_page_at_a_time(self, echo_server: Server, is_bound: bool) -> None:
        own = echo_server.client.id
        other = await echo_server.add_client()
        ben = await sign_in(echo_server, email=BEN, client_ids=[own] if is_bound else None)
        for name in "eafcd":
            await add_admin(echo_server, email=f"{name}@example.com", client_ids=[own])
        await add_admin(echo_server, email="both@example.com", client_ids=[own, other.id])
        expected = sorted([BEN, *(f"{name}@example.com" for name in "eafcd")])

        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while query:
            page = await ben.get("/admin/admins", **query)
            seen += [each["email"] for each in page["admins"]]
            query = {"limit": 2, "before": page["next"]} if page["next"] else {}

        assert seen == (expected if is_bound else sorted([*expected, "both@example.com"]))

    @pytest.mark.parametrize("query", [{"before": "x"}, {"limit": 0}, {"limit": 201}])
    async def test_what_is_no_page_is_refused(self, echo_server: Server, query: dict[str, Any]) -> None:
        owner = await sign_in(echo_server)
        answer = await owner.ask("GET", "/admin/admins", params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")

    async def test_they_give_neither_the_installation_nor_others_clients(self, echo_server: Server) -> None:
        other = await echo_server.add_client()
        owner_id = await add_admin(echo_server)
        ben = await sign_in(echo_server, email=BEN, client_ids=[echo_server.client.id])
        ben_id = (await ben.get("/admin/auth/verify"))["admin"]["id"]
        for client_ids, status in ((None, 403), ([other.id], 404), ([new_id()], 404), ([], 422)):
            body = {"email": "joe@example.com", "role": "viewer", "client_ids": client_ids}
            assert (await ben.ask("POST", "/admin/admins", json=body)).status_code == status
            changed = await ben.change(f"/admin/admins/{ben_id}", {"client_ids": client_ids})
            assert changed.status_code == status
        unknown, hidden = [
            (await ben.ask("GET", f"/admin/admins/{each}")).json() | {"request_id": ""}
            for each in (new_id(), owner_id)
        ]
        assert unknown == hidden
        assert (await ben.change(f"/admin/admins/{owner_id}", {"is_active": False})).status_code == 404
        assert EMAIL not in repr(await ben.get("/admin/admins"))
