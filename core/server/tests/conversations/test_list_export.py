"""The list as a file: all that fits, no formulas, and only for who may take it away."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from csai.admins.service import Role
from csai.models import AuditEntry

from core.server.tests.conversations.listed import LIST, add
from tests.support.operator import Operator, sign_in
from tests.support.server import Server


async def test_the_file_holds_all_that_fits_and_no_formulas(
    server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csai.conversations.export.PAGE", 2)
    for number in range(5):
        await add(server, '=HYPERLINK("http://evil.example")', age_h=number, user_identifier="@SUM(A1)")
    await add(server, "elsewhere", channel="email")

    answer = await operator.ask("GET", f"{LIST}/export", params={"channel": "widget", "q": "hyperlink"})

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 5
    assert {row["visitor"] for row in rows} == {"'@SUM(A1)"}
    assert {row["last_message"] for row in rows} == {'\'=HYPERLINK("http://evil.example")'}
    (entry,) = [row for row in await server.rows(AuditEntry) if row["action"] == "conversations.exported"]
    assert entry["after"] == {"channel": "widget", "q": "given"}


async def test_the_file_of_nothing_has_its_names(operator: Operator) -> None:
    answer = await operator.ask("GET", f"{LIST}/export")

    assert answer.text.removeprefix("\ufeff").startswith("id,client_id,")
    assert len(answer.text.splitlines()) == 1


async def test_teammates_and_viewers_read_and_export_nothing(server: Server) -> None:
    roles: tuple[Role, ...] = ("teammate", "viewer")
    for role in roles:
        who = await sign_in(server, email=f"{role}@example.com", role=role)

        assert (await who.ask("GET", LIST)).status_code == 200
        assert (await who.ask("GET", f"{LIST}/export")).status_code == 403


async def test_a_misspelt_filter_exports_nothing(server: Server, operator: Operator) -> None:
    conversation = await add(server, "A kettle")
    for path in ("", "/export", f"/{conversation}"):
        answer = await operator.ask("GET", LIST + path, params={"chanel": "email"})
        assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), path


async def test_what_is_taken_away_stands_in_the_log_of_each_client_whose_it_is_and_of_no_other(
    server: Server, operator: Operator
) -> None:
    second, other = [await server.add_client(name=name) for name in ("Second", "Other")]
    own = sorted((server.client.id, second.id))
    bound = await sign_in(server, email="ben@example.com", role="admin", client_ids=own)

    for client_id in (None, second.id, other.id):
        params = {} if client_id is None else {"client_id": client_id}
        assert (await bound.ask("GET", f"{LIST}/export", params=params)).status_code == 200

    told = [entry["client_id"] for entry in await exports(operator)]
    assert sorted(told) == sorted([*own, second.id])
    await operator.ask("GET", f"{LIST}/export")
    assert (await exports(operator))[0]["client_id"] is None


async def exports(operator: Operator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await operator.get("/admin/audit", action="conversations.exported"))[
        "entries"
    ]
    return found
