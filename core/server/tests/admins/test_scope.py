"""Admins who are bound to some clients: there are no others, and no installation, for them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.models import AuditEntry

from tests.support.operator import Operator, add_admin, sign_in
from tests.support.server import Server


async def bound(server: Server, *, role: Any = "owner", client_ids: list[str] | None = None) -> Operator:
    """Signed in for the server's client, or for those named."""
    ids = [server.client.id] if client_ids is None else client_ids
    return await sign_in(server, email="ben@example.com", role=role, client_ids=ids)


async def admin_routes(server: Server) -> list[tuple[str, str]]:
    spec = (await server.http.get("/openapi.json")).json()
    return [(method, path) for path, each in spec["paths"].items() for method in each if "/admin/" in path]


async def test_they_read_and_change_their_client(echo_server: Server) -> None:
    operator = await bound(echo_server)
    path = f"/admin/clients/{echo_server.client.id}/plugins/test"
    await operator.get(path)
    assert (await operator.change(path, {"enabled": False})).status_code == 200
    seen = await operator.get("/admin/auth/verify")
    assert seen["admin"]["client_ids"] == [echo_server.client.id]


async def test_another_client_is_like_none_on_every_route(echo_server: Server) -> None:
    other = await echo_server.add_client()
    operator = await bound(echo_server)
    routes = [each for each in await admin_routes(echo_server) if "{client_id}" in each[1]]
    assert len(routes) >= 40
    for method, path in routes:
        answers = [await ask(operator, method, path, client_id) for client_id in (other.id, new_id())]
        assert answers[0] == answers[1], path
        assert answers[0]["code"] == "not_found", path
        assert answers[0]["detail"].startswith("There is no such client"), path


async def ask(operator: Operator, method: str, path: str, client_id: str) -> dict[str, Any]:
    where = re.sub(r"\{\w+\}", "test", path.replace("{client_id}", client_id))
    answer = await operator.ask(
        method, where, params={"enabled": "false"}, json={}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 404, (method, where, answer.text)
    return {**answer.json(), "request_id": ""}


async def test_an_unknown_client_is_answered_alike_to_admins_of_the_installation(
    echo_server: Server,
) -> None:
    operator = await sign_in(echo_server)
    of_two = await bound(echo_server)
    path = "/admin/clients/{client_id}/plugins"
    assert await ask(operator, "GET", path, new_id()) == await ask(of_two, "GET", path, new_id())


async def test_what_concerns_the_installation_is_refused(echo_server: Server) -> None:
    operator = await bound(echo_server)
    for path in ("/admin/plugins", "/admin/models", "/admin/usage/providers", "/admin/billing/invoices"):
        answer = await operator.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "installation_only"), path


async def test_the_audit_log_shows_their_clients_entries_alone(echo_server: Server) -> None:
    other = await echo_server.add_client()
    owner, operator = await sign_in(echo_server), await bound(echo_server)
    for client_id in (echo_server.client.id, other.id):
        await owner.change(f"/admin/clients/{client_id}/plugins/test", {"enabled": False})
    entries = (await operator.get("/admin/audit"))["entries"]
    assert [entry["client_id"] for entry in entries] == [echo_server.client.id]
    assert (await operator.get("/admin/audit", client_id=other.id))["entries"] == []
    assert other.id in {entry["client_id"] for entry in await echo_server.rows(AuditEntry)}


async def test_who_is_bound_and_has_no_client_left_sees_nothing(echo_server: Server) -> None:
    operator = await bound(echo_server, client_ids=[])
    assert (await operator.get("/admin/audit"))["entries"] == []
    answer = await operator.ask("GET", f"/admin/clients/{echo_server.client.id}/plugins")
    assert answer.status_code == 404


async def test_nobody_is_bound_to_a_client_that_there_is_not(echo_server: Server) -> None:
    for client_id in (new_id(), "x"):
        with pytest.raises(Problem, match="not_found"):
            await add_admin(echo_server, client_ids=[client_id])
