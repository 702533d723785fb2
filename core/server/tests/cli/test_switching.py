"""Switching a client's plugins with commands: looking first, taking it back, and being told of."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from csai.cli import app
from csai.database import Database
from csai.models import AuditEntry
from sqlalchemy import select
from typer.testing import CliRunner, Result

from tests.support.backend import Backend
from tests.support.program import running

SECRET = "0123456789abcdef0123456789abcdef"
SIGNING = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
CATALOG = Path(__file__).resolve().parents[4] / "workflows" / "n8n" / "tools.json"
PASSWORD = "a sentence of my own"


class Operator:
    """Runs commands on one database."""

    def __init__(self, backend: Backend) -> None:
        self.variables = {"CSAI_DATABASE_URL": backend.database_url, "CSAI_SECRET_KEYS": SECRET}
        self.client_id: str = json.loads(self.do("client", "create", "Shop", "--json"))["client_id"]

    def csai(self, *arguments: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), env=self.variables, input=stdin)

    def do(self, *arguments: str, stdin: str | None = None) -> str:
        ended = self.csai(*arguments, stdin=stdin)
        assert ended.exit_code == 0, ended.output + ended.stderr
        return ended.stdout

    def plugin(self, plugin: str, *arguments: str, stdin: str | None = None) -> Any:
        return json.loads(self.do("client", "plugin", "Shop", plugin, *arguments, "--json", stdin=stdin))

    def audit(self, backend: Backend) -> list[dict[str, Any]]:
        return asyncio.run(self._audit(backend))

    async def _audit(self, backend: Backend) -> list[dict[str, Any]]:
        database = Database(backend.database_url)
        async with database.read() as connection:
            rows = (await connection.execute(select(AuditEntry.__table__).order_by(AuditEntry.id))).mappings()
            found = [dict(row) for row in rows]
        await database.close()
        return found


@pytest.fixture
def operator(backend: Backend, here: Path) -> Operator:
    return Operator(backend)


def test_what_depends_on_a_plugin_is_shown_before_it_is_switched(operator: Operator) -> None:
    operator.do("tools", "add", str(CATALOG))
    operator.plugin("n8n", "--on")
    operator.do(
        "client", "tool", "Shop", "n8n_get_order_status", "--on", "--webhook", "https://n8n.example/w"
    )

    shown = operator.plugin("n8n", "--off", "--preview")

    assert shown["tools"]["gone"] == ["n8n_get_order_status"]
    assert "n8n_get_order_status" in operator.do("client", "plugin", "Shop", "n8n", "--off", "--preview")
    assert operator.plugin("n8n", "--on", "--preview")["enabled_now"] is True
    available = operator.plugin("demo_shop", "--on", "--preview")["tools"]["available"]
    assert "get_order_status" in available
    assert "No provider would be left" in operator.do(
        "client", "plugin", "Shop", "offline", "--off", "--preview"
    )


def test_the_last_change_is_taken_back_with_its_secrets(operator: Operator) -> None:
    first = operator.plugin(
        "n8n", "--on", "--set", "signing_secret=@-", "--set", "timeout_s=20", stdin=SIGNING
    )
    operator.plugin("n8n", "--off", "--unset", "signing_secret", "--set", "timeout_s=5")
    assert operator.plugin("n8n", "--undo") == first
    assert operator.plugin("n8n", "--undo")["settings"] == {"timeout_s": 5.0}
    assert operator.plugin("n8n", "--on", "--reset")["settings"] == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("n8n",),
        ("n8n", "--preview"),
        ("n8n", "--on", "--preview", "--set", "timeout_s=5"),
        ("n8n", "--undo", "--on"),
        ("demo_shop", "--undo"),
        ("nothing", "--on"),
    ],
)
def test_what_cannot_be_is_refused(operator: Operator, arguments: tuple[str, ...]) -> None:
    ended = operator.csai("client", "plugin", "Shop", *arguments)
    assert ended.exit_code == 2
    assert "Traceback" not in ended.output


def test_commands_are_audited_without_secrets(operator: Operator, backend: Backend) -> None:
    operator.plugin("n8n", "--on", "--set", "signing_secret=@-", stdin=SIGNING)
    operator.do("tools", "add", str(CATALOG))
    webhook = "https://n8n.example/webhook/unguessable"
    operator.do("client", "tool", "Shop", "n8n_get_order_status", "--on", "--webhook", webhook)
    operator.do("client", "set", "Shop", "tone", "Kind.")
    operator.do("admin", "create", "--email", "ada@example.com", "--password", "@-", stdin=PASSWORD)

    entries = operator.audit(backend)

    assert [(each["actor"], each["action"]) for each in entries] == [
        ("cli", action)
        for action in (
            *("client.created", "plugin.switched", "catalog.changed"),
            *("tool.switched", "client.set", "admin.created"),
        )
    ]
    assert {each["client_id"] for each in entries} == {operator.client_id, None}
    assert (entries[4]["before"], entries[4]["after"]) == ({"tone": None}, {"tone": "Kind."})
    for secret in (SIGNING, "unguessable", PASSWORD):
        assert secret not in repr(entries)


class TestAdmin:
    def test_a_password_is_made_up_where_none_is_given(self, operator: Operator) -> None:
        made = json.loads(operator.do("admin", "create", "--email", "Ada@Example.com", "--json"))
        assert (made["email"], made["role"], len(made["password"]) > 16) == ("ada@example.com", "owner", True)
        again = operator.csai("admin", "create", "--email", "ada@example.com")
        assert (again.exit_code, "already" in again.stderr) == (2, True)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--email", "ada"),
            ("--email", "ada@example.com", "--password", "short"),
            ("--email", "ada@example.com", "--role", "god"),
            ("--email", "ada@example.com", "--password", PASSWORD, "--generate"),
        ],
    )
    def test_what_cannot_be_is_refused(self, operator: Operator, arguments: tuple[str, ...]) -> None:
        ended = operator.csai("admin", "create", *arguments)
        assert ended.exit_code == 2
        assert "Traceback" not in ended.output

    def test_one_of_a_client_is_listed_and_shut_out(self, operator: Operator) -> None:
        operator.do("admin", "create", "--email", "ada@example.com", "--password", PASSWORD)
        for who in ("ben@example.com", "eve@example.com"):
            operator.do("admin", "create", "--email", who, "--client", "Shop", "--password", PASSWORD)
        operator.do("admin", "deactivate", "eve@example.com")
        ada, ben, eve = json.loads(operator.do("admin", "list", "--json"))["admins"]
        assert (ada["client_ids"], ben["client_ids"]) == (None, [operator.client_id])
        assert [each["is_active"] for each in (ada, ben, eve)] == [True, True, False]
        assert "deactivated" in operator.do("admin", "list")
        operator.do("admin", "deactivate", "--undo", "eve@example.com")
        refused = operator.csai("admin", "deactivate", "ada@example.com")
        assert (refused.exit_code, "active owner" in refused.stderr) == (2, True)

    def test_a_link_is_for_the_first_admin_and_then_for_one_who_lost_the_password(
        self, operator: Operator
    ) -> None:
        url = "https://chat.example.com/dashboard/welcome#token="
        base = ("--base", "https://chat.example.com")
        assert operator.do("admin", "link", *base).startswith(url)
        operator.do("admin", "create", "--email", "ada@example.com", "--password", PASSWORD)
        assert operator.csai("admin", "link", *base).exit_code == 2
        assert operator.do("admin", "link", "Ada@example.com", *base).startswith(url)

    def test_who_was_created_signs_in_at_a_running_server(self, operator: Operator, here: Path) -> None:
        operator.do("admin", "create", "--email", "ada@example.com", "--password", PASSWORD)
        with running("serve", "--port", "0", cwd=here, **operator.variables) as program:
            base = json.loads(program.err.until('"serving"'))["url"]
            login = {"email": "ada@example.com", "password": PASSWORD}
            token = httpx.post(f"{base}/admin/auth/login", json=login, timeout=60).json()["token"]
            headers = {"Authorization": f"Bearer {token}"}
            listed = httpx.get(f"{base}/admin/plugins", headers=headers, timeout=60).json()["plugins"]
            assert {"n8n", "offline"} <= {item["id"] for item in listed}


def test_switched_off_without_being_loaded_it_can_be_brought_back_and_is_audited(
    operator: Operator, backend: Backend
) -> None:
    operator.plugin("n8n", "--on", "--set", "timeout_s=7", "--set", "signing_secret=@-", stdin="s" * 40)

    off = operator.plugin("n8n", "--off")
    again = operator.plugin("n8n", "--off")

    assert off == again
    assert (off["enabled"], off["settings"]) == (False, {"timeout_s": 7.0})
    (switched,) = [row for row in operator.audit(backend) if row["after"].get("enabled") is False]
    assert (switched["action"], switched["before"]["enabled"]) == ("plugin.switched", True)
    assert "s" * 40 not in str(switched)
    back = operator.plugin("n8n", "--undo")
    assert (back["enabled"], back["settings"], back["secrets"]) == (
        True,
        {"timeout_s": 7.0},
        ["signing_secret"],
    )
