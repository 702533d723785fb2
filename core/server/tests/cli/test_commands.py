"""The commands that end by themselves: what they say, what they leave behind, how they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from csai import migrations
from csai.cli import app
from csai.kit.crypto import key_hash
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from tests.support.backend import Backend
from tests.support.program import run

GREETER = """
from csai_sdk import hookimpl, tool

@tool
def greet(name: str) -> str:
    "Greet somebody."
    return name

@hookimpl
def register_tools():
    return [greet]
"""
SECRET = "0123456789abcdef0123456789abcdef"


def csai(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=variables)


def on(backend: Backend) -> dict[str, str]:
    redis = {"CSAI_REDIS_URL": backend.redis_url} if backend.redis_url else {}
    return {"CSAI_DATABASE_URL": backend.database_url, **redis}


def rows(backend: Backend, statement: str) -> list[Any]:
    url = backend.database_url.replace("sqlite+aiosqlite", "sqlite")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(statement)))
    finally:
        engine.dispose()


class TestHelp:
    def test_it_costs_no_import_of_what_a_command_uses(self) -> None:
        heavy = {"asyncio", "sqlalchemy", "pydantic", "fastapi", "uvicorn", "alembic", "stevedore", "rich"}
        script = f"import sys, csai.cli; print(sorted({heavy!r} & set(sys.modules)))"
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
        assert ended.stdout.strip() == "[]"

    def test_a_command_that_needs_no_plugin_imports_nothing_of_theirs(self, here: Path) -> None:
        heavy = {"aiohttp", "redis", "jsonschema", "stevedore", "pluggy", "fastapi"}
        script = (
            "import sys; from csai.cli import app; app(['client', 'list'], standalone_mode=False); "
            f"print(sorted({heavy!r} & set(sys.modules)))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
        assert ended.stdout.splitlines()[-1] == "[]"

    def test_every_command_says_what_it_does(self, here: Path) -> None:
        shown = csai("--help").output
        for name in ("demo", "serve", "migrate", "seed", "doctor", "version", "plugins", "client", "tools"):
            assert name in shown
            assert csai(name, "--help").exit_code == 0

    def test_the_shell_can_complete_it(self, tmp_path: Path) -> None:
        ended = run(cwd=tmp_path, _CSAI_COMPLETE="complete_bash", COMP_WORDS="csai plu", COMP_CWORD="1")
        assert ended.stdout.split() == ["plugins"]


class TestMigrate:
    def test_an_empty_database_is_brought_up_to_date_once(self, here: Path, empty_backend: Backend) -> None:
        first = csai("migrate", **on(empty_backend))
        again = csai("migrate", **on(empty_backend))
        assert first.exit_code == again.exit_code == 0
        assert f"now at revision {migrations.head()} (before: empty)" in first.output
        assert "up to date" in again.output
        assert rows(empty_backend, "SELECT name FROM plans") == [("default",)]

    def test_a_database_of_a_newer_version_is_left_alone(self, here: Path, backend: Backend) -> None:
        url = backend.database_url.replace("sqlite+aiosqlite", "sqlite")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        refused = csai("migrate", **on(backend))
        assert refused.exit_code == 2
        assert "9999" in refused.stderr
        assert "newer csai" in refused.stderr

    def test_an_unreachable_database_is_said_in_one_line_without_the_password(self, here: Path) -> None:
        url = "postgresql+psycopg://csai:hunter2@127.0.0.1:9/csai"
        refused = csai("migrate", CSAI_DATABASE_URL=url)
        assert refused.exit_code == 2
        assert len(refused.stderr.splitlines()) == 1
        assert "check CSAI_DATABASE_URL" in refused.stderr
        assert "hunter2" not in refused.output + refused.stderr


class TestConfiguration:
    @pytest.mark.parametrize(
        ("variables", "hint"),
        [
            ({"CSAI_ENV": "production"}, "set CSAI_SECRET_KEYS"),
            ({"CSAI_ENV": "staging"}, "CSAI_ENV"),
            ({"CSAI_RATE_LIMIT_CLIENT": "many"}, "CSAI_RATE_LIMIT_CLIENT"),
            ({"CSAI_LOG_LEVEL": "loud"}, "CSAI_LOG_LEVEL"),
            ({"CSAI_PRICE_OVERRIDES": "hunter2"}, "price_overrides"),
            ({"CSAI_PRICE_OVERRIDES": '{"openai:x": 3}'}, "CSAI_PRICE_OVERRIDES"),
            ({"CSAI_EGRESS_ALLOW": "10.0.0.0/99"}, "CSAI_EGRESS_ALLOW"),
            ({"CSAI_DATABASE_URL": "hunter2"}, "CSAI_DATABASE_URL"),
            ({"CSAI_DATABASE_URL": "mysql://csai:hunter2@host/csai"}, "postgresql+psycopg"),
            ({"CSAI_DATABASE_URL": "sqlite:///hunter2"}, "sqlite+aiosqlite"),
            ({"CSAI_PUBLIC_URL": "hunter2.example"}, "CSAI_PUBLIC_URL"),
        ],
    )
    def test_what_cannot_work_is_refused_in_one_line_that_names_the_variable(
        self, here: Path, variables: dict[str, str], hint: str
    ) -> None:
        refused = csai("client", "create", "Shop", **variables)
        assert refused.exit_code == 2
        assert refused.stdout == ""
        assert len(refused.stderr.splitlines()) == 1
        assert hint in refused.stderr
        assert "hunter2" not in refused.stderr


class TestClientCreate:
    def test_the_keys_are_shown_once_and_stored_as_hashes(self, here: Path, backend: Backend) -> None:
        made = csai(
            *("client", "create", "Shop", "--origin", "https://shop.example", "--json"), **on(backend)
        )
        assert made.exit_code == 0, made.stderr
        shown = json.loads(made.stdout)
        assert list(shown) == ["client_id", "publishable_key", "secret_key", "identity_secret", "embed_code"]
        stored = {(kind, found) for kind, found in rows(backend, "SELECT kind, key_hash FROM api_keys")}
        assert stored == {
            ("publishable", key_hash(shown["publishable_key"])),
            ("secret", key_hash(shown["secret_key"])),
        }
        assert rows(backend, "SELECT origin FROM client_origins") == [("https://shop.example",)]

    def test_the_line_for_pages_names_the_public_address_and_the_key_for_pages(self, here: Path) -> None:
        made = csai("client", "create", "Shop", "--json", CSAI_PUBLIC_URL="https://help.shop.example/csai/")
        shown = json.loads(made.stdout)
        assert shown["embed_code"] == (
            '<script src="https://help.shop.example/csai/widget.js" '
            f'data-api-key="{shown["publishable_key"]}" async></script>'
        )

    def test_without_a_public_address_it_says_where_to_set_one(self, here: Path) -> None:
        assert "CSAI_PUBLIC_URL" in csai("client", "create", "Shop").output

    def test_without_an_origin_it_says_that_no_page_can_use_it_yet(self, here: Path) -> None:
        assert "works on no page yet" in csai("client", "create", "Shop").output

    def test_what_is_no_origin_is_refused_in_one_line(self, here: Path) -> None:
        refused = csai("client", "create", "Shop", "--origin", "shop.example")
        assert refused.exit_code == 2
        assert refused.stderr.startswith("csai: 'shop.example' is no web origin.")

    def test_a_database_without_tables_is_refused_where_it_is_not_for_development(
        self, here: Path, empty_backend: Backend
    ) -> None:
        production = {"CSAI_ENV": "production", "CSAI_SECRET_KEYS": SECRET}
        refused = csai("client", "create", "Shop", **on(empty_backend), **production)
        assert refused.exit_code == 2
        assert "run csai migrate" in refused.stderr


class TestSeed:
    def test_it_makes_the_shop_once_and_shows_the_same_keys_again(self, here: Path, backend: Backend) -> None:
        first, again = (csai("seed", "--json", **on(backend)) for _ in range(2))
        assert first.exit_code == 0, first.stderr
        assert json.loads(first.stdout) == json.loads(again.stdout)
        assert rows(backend, "SELECT name FROM clients") == [("Kettle & Cloth",)]
        assert len(rows(backend, "SELECT id FROM client_tools WHERE enabled")) == 4
        assert len(rows(backend, "SELECT id FROM knowledge_passages")) >= 8

    def test_another_origin_is_added_to_those_before(self, here: Path) -> None:
        csai("seed")
        url = f"sqlite+aiosqlite:///{here / 'data' / 'csai.sqlite'}"
        csai("seed", "--origin", "https://shop.example")
        found = {row[0] for row in rows(Backend("", url, None), "SELECT origin FROM client_origins")}
        assert found == {"http://127.0.0.1:8000", "http://localhost:8000", "https://shop.example"}

    def test_a_plugin_that_is_new_gives_the_shop_its_tools(self, here: Path) -> None:
        csai("seed")
        _install(here / "site", "greeter", GREETER)
        again = run("seed", cwd=here, PYTHONPATH=str(here / "site"))
        assert again.returncode == 0, again.stderr
        backend = Backend("", f"sqlite+aiosqlite:///{here / 'data' / 'csai.sqlite'}", None)
        assert len(rows(backend, "SELECT id FROM client_tools WHERE enabled")) == 5
        enabled = {row[0] for row in rows(backend, "SELECT plugin FROM client_plugins WHERE enabled")}
        assert enabled == {"demo_shop", "greeter"}


class TestPlugins:
    BUNDLED = frozenset({"claude", "openai", "ollama", "offline", "n8n", "demo_shop", "widget"})

    def test_the_list_tells_kinds_distribution_version_and_state(self, here: Path) -> None:
        listed = json.loads(csai("plugins", "list", "--json", CSAI_PLUGINS="offline,n8n").stdout)["plugins"]
        by_id = {item["id"]: item for item in listed}
        assert by_id.keys() >= self.BUNDLED
        assert by_id["offline"] == {
            "id": "offline",
            "kinds": ["provider"],
            "distribution": "csai-provider-offline",
            "version": "0.1.0",
            "state": "loaded",
            "cause": None,
            "remedy": None,
        }
        assert by_id["claude"]["state"] == "not allowed"

    def test_the_table_has_every_plugin(self, here: Path) -> None:
        shown = csai("plugins", "list", COLUMNS="120").stdout
        assert all(name in shown for name in self.BUNDLED)

    def test_the_doctor_is_content_with_what_is_bundled(self, bare: Path) -> None:
        well = csai("plugins", "doctor", "--json")
        assert well.exit_code == 0
        assert json.loads(well.stdout)["ok"]

    @pytest.mark.parametrize("command", ["plugins", "doctor"])
    def test_a_plugin_that_does_not_import_is_reported_and_the_others_work(
        self, here: Path, command: str
    ) -> None:
        _install(here / "site", "broken", "raise RuntimeError('no licence')")
        arguments = ("plugins", "doctor") if command == "plugins" else ("doctor",)
        ended = run(*arguments, cwd=here, PYTHONPATH=str(here / "site"))
        assert ended.returncode == 1
        assert "broken" in ended.stdout
        assert ended.stderr == ""
        if command == "plugins":
            assert "RuntimeError: no licence" in ended.stdout
            assert "leave it out of CSAI_PLUGINS" in ended.stdout
            listed = run("plugins", "list", cwd=here, PYTHONPATH=str(here / "site"))
            assert listed.returncode == 0
            assert "quarantined" in listed.stdout


OIDC = {
    "CSAI_OIDC_CLIENT_ID": "csai",
    "CSAI_OIDC_CLIENT_SECRET": "hunter2",
    "CSAI_PUBLIC_URL": "https://chat.example.com",
}


class TestDoctor:
    def test_a_sound_installation_is_well(self, here: Path, backend: Backend) -> None:
        secret = {"CSAI_SECRET_KEYS": SECRET}
        ended = csai("doctor", "--json", **on(backend), **secret)
        found = json.loads(ended.stdout)
        assert ended.exit_code == 0, ended.stdout
        assert found["ok"]
        assert [check["name"] for check in found["checks"]] == [
            *("data folder", "secret keys", "database", "stored secrets", "clients' plugins"),
            *("redis", "plugins", "provider"),
        ]
        assert {check["state"] for check in found["checks"]} == {"ok"}

    @pytest.mark.parametrize(
        ("name", "variables"),
        [
            ("data folder", {"CSAI_DATA_DIR": "/proc/csai"}),
            ("secret keys", {"CSAI_ENV": "production"}),
            ("secret keys", {"CSAI_ENV": "production", "CSAI_SECRET_KEYS": "short"}),
            ("database", {"CSAI_DATABASE_URL": "postgresql+psycopg://csai:hunter2@127.0.0.1:9/csai"}),
            ("database", {"CSAI_ENV": "production", "CSAI_SECRET_KEYS": SECRET}),
            ("redis", {"CSAI_REDIS_URL": "redis://:hunter2@127.0.0.1:9"}),
            ("redis", {"CSAI_REDIS_URL": "hunter2"}),
            ("identity provider", {"CSAI_OIDC_ISSUER": "https://id.example"}),
            ("identity provider", {**OIDC, "CSAI_OIDC_ISSUER": "http://127.0.0.1:9"}),
            ("provider", {"CSAI_LLM_PROVIDER": "claude"}),
            ("provider", {"CSAI_PLUGINS": "n8n"}),
        ],
    )
    def test_what_will_not_work_is_named_with_a_remedy(
        self, here: Path, name: str, variables: dict[str, str]
    ) -> None:
        ended = csai("doctor", "--json", **variables)
        found = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
        assert ended.exit_code == 1
        assert found[name]["state"] == "failed"
        assert found[name]["remedy"] or "check CSAI_" in found[name]["detail"]
        assert "hunter2" not in ended.stdout

    @pytest.mark.parametrize(
        ("variables", "answering"),
        [
            ({"OPENAI_API_KEY": "sk-x"}, "openai, because OPENAI_API_KEY is set"),
            (
                {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-y", "CSAI_LLM_PROVIDER": "openai"},
                "openai, because CSAI_LLM_PROVIDER and OPENAI_API_KEY are set",
            ),
            ({"CSAI_LLM_PROVIDER": "claude"}, "(CSAI_LLM_PROVIDER asks for claude, which is not set up)"),
            ({"OPENAI_API_KEY": "sk-x", "CSAI_PLUGINS_ON_BY_DEFAULT": "offline"}, "offline assistant"),
        ],
    )
    def test_it_says_which_provider_answers_and_because_of_what(
        self, here: Path, variables: dict[str, str], answering: str
    ) -> None:
        assert answering in csai("doctor", **variables).stdout

    def test_a_person_reads_a_line_for_each_check(self, here: Path) -> None:
        shown = csai("doctor").stdout
        assert "warning  database: SQLite, at revision none" in shown
        assert "run csai migrate." in shown
        assert "ok       provider: offline assistant: no AI model" in shown


def test_version_is_the_installed_one(here: Path) -> None:
    from importlib.metadata import version

    assert csai("version").stdout.strip() == version("csai")


def _install(site: Path, name: str, code: str) -> None:
    """A distribution with one plugin, as pip would leave it."""
    info = site / f"csai_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"csai_{name}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: csai-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[csai.plugins]\n{name} = csai_{name}\n")
