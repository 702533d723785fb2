"""The audit log as an admin reads it: what they ask for, of the clients they work for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from csai.admins.repository import AUDIT_ORDER
from csai.kit.cursor import Place

from tests.support.operator import EMAIL, Operator, sign_in
from tests.support.server import Server

BEN = "ben@example.com"
ENTRY = "0190a0b0-0000-7000-8000-000000000000"


async def entries(operator: Operator, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await operator.get("/admin/audit", **query))["entries"]
    return found


@pytest.fixture
async def owner(echo_server: Server) -> Operator:
    """An owner who changed something of two clients and something of the installation."""
    operator = await sign_in(echo_server)
    for client_id in (echo_server.client.id, (await echo_server.add_client()).id):
        path = f"/admin/clients/{client_id}/plugins/test"
        assert (await operator.change(path, {"enabled": False})).status_code == 200
    return operator


async def test_a_bound_admin_reads_of_their_clients_alone(echo_server: Server, owner: Operator) -> None:
    own = echo_server.client.id
    bound = await sign_in(echo_server, email=BEN, role="viewer", client_ids=[own])
    seen = await entries(bound)
    assert seen
    assert {entry["client_id"] for entry in seen} == {own}
    other = next(each["client_id"] for each in await entries(owner) if each["client_id"] not in {own, None})
    assert await entries(bound, client_id=other) == []
    assert await entries(bound, action="admin.logged_in") == []


async def test_the_log_is_narrowed_by_what_is_asked(owner: Operator) -> None:
    everything = await entries(owner)
    for name, key in (("action", "action"), ("actor", "actor_name"), ("object", "object")):
        value = next(entry[key] for entry in everything if entry["actor_name"] == EMAIL)
        found = await entries(owner, **{name: value})
        assert found == [entry for entry in everything if entry[key] == value]
        assert 0 < len(found) < len(everything)
    assert {entry["actor"] for entry in await entries(owner, actor="cli")} == {"cli"}
    for nobody in ("eve@example.com", "%", "_da@example.com"):
        assert await entries(owner, actor=nobody) == []


async def test_the_log_is_narrowed_by_time(owner: Operator) -> None:
    everything = await entries(owner)
    newest = datetime.fromisoformat(everything[0]["created_at"])
    assert everything[0] in await entries(owner, since=newest.isoformat())
    assert everything[0] not in await entries(owner, until=newest.isoformat())
    assert await entries(owner, since=(newest + timedelta(seconds=1)).isoformat()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((each, "2026-01-01T00:00:00") for each in ("since", "until")),
        *(("since", time) for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "today")),
        *((each, "a\x00") for each in ("object", "action", "actor")),
        *(("before", cursor) for cursor in ("x", ENTRY, str(Place("another", "", ENTRY)))),
        ("before", str(Place(AUDIT_ORDER, "never", ENTRY))),
        *(("client_id", "x"), ("limit", "0"), ("limit", "201")),
    ],
)
async def test_what_cannot_be_asked_is_refused(owner: Operator, name: str, value: str) -> None:
    refused = await owner.ask("GET", "/admin/audit", params={name: value})
    assert (refused.status_code, refused.json()["code"]) == (422, "request_invalid")


async def test_pages_tell_everything_once_while_others_write(owner: Operator) -> None:
    everything = await entries(owner)
    found, before = [], None
    while page := await owner.get("/admin/audit", limit=2, **({"before": before} if before else {})):
        found += page["entries"]
        before = page["next"]
        if before is None:
            break
        await sign_in(owner.server, email=f"{len(found)}@example.com", role="viewer")
    assert found == everything
