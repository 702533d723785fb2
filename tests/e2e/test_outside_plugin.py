"""A plugin from outside the repository: written, built, installed, switched, used, upgraded, uninstalled."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.outside import Outside, build_wheels
from tests.support.waiting import PATIENCE_S

PASSWORD = "a sentence of my own"
TOKEN = "tok-48151623"
QUESTION = "Show me the depot report, please"
CODE = '''
from csai_sdk import PluginContext, PluginSettings, Tool, hookimpl, tool
from pydantic import Field, SecretStr


class Settings(PluginSettings):
    token: SecretStr | None = Field(None, title="Token", description="Of the depot.")
    place: str = Field("nowhere", title="Place", description="Where the depot is.")


@tool(read_only=True)
async def depot_report(ctx: PluginContext) -> dict[str, str]:
    """The depot's report."""
    settings = ctx.settings_as(Settings)
    token = settings.token.get_secret_value() if settings.token else ""
    return {"release": "first", "place": settings.place, "token_ends_in": token[-4:]}


@hookimpl
def register_settings() -> type[PluginSettings]:
    return Settings


@hookimpl
def register_tools() -> list[Tool]:
    return [depot_report]
'''
MIGRATION = """
    settings_version = 2

    @classmethod
    def migrate(cls, old, from_version):
        return {"access_token": old.get("token"), "city": old.get("place", "").upper()}
"""


def second_release(code: str) -> str:
    """Other names, another form of a value: what a client has set must be carried over."""
    renamed = code.replace("token: SecretStr", "access_token: SecretStr").replace("place: str", "city: str")
    renamed = renamed.replace("settings.token", "settings.access_token").replace(
        "settings.place", "settings.city"
    )
    head, mark, rest = renamed.replace('"first"', '"second"').partition("class Settings(PluginSettings):\n")
    return head + mark + MIGRATION + rest


class Site:
    """What somebody has who installed csai: a folder, a client with its key, an admin."""

    def __init__(self, outside: Outside, folder: Path) -> None:
        self.outside, self.folder = outside, folder
        self.variables = {"CSAI_RESPONSE_CACHE_S": "0", "CSAI_JOBS": "off", "CSAI_LLM_PROVIDER": "offline"}
        self.csai("migrate")
        client = json.loads(self.csai("client", "create", "Shop", "--json"))
        self.client_id, self._key = client["client_id"], client["secret_key"]
        made = self.csai("admin", "create", "--email", "ada@example.com", "--generate", "--json")
        self._login = {"email": "ada@example.com", "password": json.loads(made)["password"]}

    def csai(self, *arguments: str, expected: int = 0) -> str:
        ended = self.outside.csai(*arguments, cwd=self.folder, **self.variables)
        assert ended.returncode == expected, ended.stdout + ended.stderr
        return ended.stdout

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        with self.outside.running("serve", "--port", "0", cwd=self.folder, **self.variables) as program:
            url = json.loads(program.err.until('"serving"'))["url"]
            with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
                yield http

    def switch(self, http: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
        signed_in = http.post("/admin/auth/login", json=self._login).json()
        answer = http.patch(
            f"/admin/clients/{self.client_id}/plugins/depot",
            json=body,
            headers={"Authorization": f"Bearer {signed_in['token']}", "If-Match": "*"},
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ask(self, http: httpx.Client) -> dict[str, Any]:
        said = http.post("/chat/message", json={"message": QUESTION}, headers={"X-API-Key": self._key})
        answer: dict[str, Any] = said.json()
        assert (said.status_code, answer["status"]) == (200, "completed"), said.text
        return answer


@pytest.fixture
def site(outside: Outside, tmp_path: Path) -> Site:
    (tmp_path / "site").mkdir()
    return Site(outside, tmp_path / "site")


def release(site: Site, folder: Path, version: str, code: str) -> Path:
    """A wheel of the plugin, built from its own folder."""
    (folder / "csai_tool_depot" / "__init__.py").write_text(code)
    project = (folder / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(re.sub(r"(?m)^version = .*$", f'version = "{version}"', project))
    build_wheels(folder / "dist", folder)
    return folder / "dist" / f"csai_tool_depot-{version}-py3-none-any.whl"


def tools_of(answer: dict[str, Any]) -> list[str]:
    return [call["name"] for call in answer["tool_calls"]]


@pytest.mark.timeout(240)
def test_a_plugin_from_outside_lives_its_whole_life(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "depot"
    site.csai("plugins", "new", "tool", "depot", "--into", str(folder))
    first = release(site, folder, "1.0.0", CODE)
    second = release(site, folder, "2.0.0", second_release(CODE))
    installed = json.loads(site.csai("plugins", "install", str(first), "--offline", "--yes", "--json"))
    assert (installed["plugins"][0]["state"], installed["restart_due"]) == ("loaded", True)
    assert installed["changes"] == [{"name": "csai-tool-depot", "before": None, "after": "1.0.0"}]

    with site.serving() as http:
        assert tools_of(site.ask(http)) == []
        site.switch(http, {"enabled": True, "settings": {"token": TOKEN, "place": "Delft"}})
        site.csai("client", "tool", "Shop", "depot_report", "--on")
        answer = site.ask(http)
        assert tools_of(answer) == ["depot_report"]
        assert_reported(answer, "first", "Delft")

        site.csai("plugins", "install", str(second), "--offline", "--yes")
        assert_reported(site.ask(http), "first", "Delft")

    with site.serving() as http:
        assert_reported(site.ask(http), "second", "DELFT")
    assert json.loads(site.csai("plugins", "doctor", "--json"))["ok"] is True

    uninstalling = subprocess.Popen(
        [str(site.outside.bin / "csai"), "plugins", "uninstall", "depot", "--yes"],
        cwd=site.folder,
        env=site.outside.environment(**site.variables),
        stdout=subprocess.DEVNULL,
    )
    with site.serving() as http:  # whichever of the two is quicker
        site.ask(http)
        assert uninstalling.wait(PATIENCE_S) == 0
    with site.serving() as http:
        answer = site.ask(http)
        assert tools_of(answer) == []
        doctor = json.loads(site.csai("doctor", "--json"))
        missing = {check["name"]: check for check in doctor["checks"]}["clients' plugins"]
        assert doctor["ok"] is True
        assert (missing["state"], "depot (1)" in missing["detail"]) == ("warning", True)

    site.csai("plugins", "install", str(second), "--offline", "--yes")
    with site.serving() as http:  # what the client had set was kept, the secret included
        assert_reported(site.ask(http), "second", "DELFT")


def assert_reported(answer: dict[str, Any], release: str, place: str) -> None:
    said = answer["message"]["content"]
    assert release in said, said
    assert place in said, said
    assert TOKEN[-4:] in said, said
    assert TOKEN not in json.dumps(answer)
