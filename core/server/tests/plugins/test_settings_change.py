"""A plugin's new release has other settings: what clients had set is carried over, or they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from csai.models import ClientPlugin
from csai_sdk import PluginContext, PluginSettings, SettingsError, ToolCall, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider
from pydantic import Field, SecretStr

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory, TestClient

KEY = "the-key-nobody-sees"


class First(PluginSettings):
    api_key: SecretStr | None = None
    timeout: int = 30
    region: str = ""


class Second(PluginSettings):
    """Two fields renamed, one of them in another unit; a third is gone."""

    settings_version = 2

    token: SecretStr | None = None
    timeout_ms: int = Field(30_000, le=60_000)

    @classmethod
    def migrate(cls, old: Mapping[str, Any], from_version: int) -> Mapping[str, Any]:
        assert from_version == 1
        if old.get("region") == "moon":
            raise SettingsError("the moon is not served any more: take the region back")
        if old.get("region") == "void":
            raise RuntimeError(f"a defect that quotes {old['api_key']}")
        if old.get("region") == "leak":
            raise SettingsError(f"your key {old['api_key']} is of no use")
        new = {"timeout_ms": old["timeout"] * 1000} if "timeout" in old else {}
        return new | ({"token": old["api_key"]} if "api_key" in old else {})


def plugin_with(model: type[PluginSettings]) -> Any:
    @tool(read_only=True)
    def find(ctx: PluginContext) -> dict[str, Any]:
        """Finds."""
        values: dict[str, Any] = ctx.settings.model_dump()
        return {
            name: value.get_secret_value() == KEY if isinstance(value, SecretStr) else value
            for name, value in values.items()
        }

    return SimpleNamespace(register_settings=hookimpl(lambda: model), register_tools=hookimpl(lambda: [find]))


def reply(request: Any) -> list[Any]:
    last = request.messages[-1]
    if hasattr(last, "results"):
        return [last.results[0].content]
    return [ToolCall("c", "find", {})] if request.tools else ["No tools."]


class Upgrade:
    """An installation before and after the release; the same database under both."""

    def __init__(self, make_server: ServerFactory) -> None:
        self._make = make_server
        self.clients: list[TestClient] = []

    async def serve(self, model: type[PluginSettings]) -> Server:
        return await self._make(
            ScriptedProvider(reply, is_endless=True), plugins={"desk": plugin_with(model)}
        )

    async def before(self, *settings: dict[str, Any]) -> Operator:
        """Clients of the first release, one for each of these settings."""
        server = await self.serve(First)
        operator = await sign_in(server)
        for each in settings:
            client = await server.add_client(settings={"provider": "scripted"})
            self.clients.append(client)
            answer = await operator.change(path_of(client), {"settings": each})
            assert answer.status_code == 200, answer.text
        return operator


def path_of(client: TestClient) -> str:
    return f"/admin/clients/{client.id}/plugins/desk"


async def answer_of(server: Server, client: TestClient) -> str:
    said = (await server.say("Where?", client=client)).json()
    assert said["status"] == "completed", said
    content: str = said["message"]["content"]
    return content


async def stored_version(server: Server, client: TestClient) -> int:
    (row,) = await server.rows(ClientPlugin, client_id=client.id, plugin="desk")
    version: int = row["settings_version"]
    return version


@pytest.fixture
def upgrade(make_server: ServerFactory) -> Upgrade:
    return Upgrade(make_server)


async def test_old_values_are_carried_over_when_read_and_kept_at_the_next_change(upgrade: Upgrade) -> None:
    token = (await upgrade.before({"api_key": KEY, "timeout": 7, "region": "eu"})).token
    (client,) = upgrade.clients
    server = await upgrade.serve(Second)
    operator = Operator(server, token)

    assert json.loads(await answer_of(server, client)) == {"token": True, "timeout_ms": 7000}
    state = await operator.get(path_of(client))
    assert (state["state"], state["settings"]) == ("on", {"timeout_ms": 7000})
    assert state["fields"]["token"]["is_set"]
    assert await stored_version(server, client) == 1

    await operator.change(path_of(client), {"settings": {"timeout_ms": 8000}})

    assert await stored_version(server, client) == 2
    assert json.loads(await answer_of(server, client)) == {"token": True, "timeout_ms": 8000}
    undone = await operator.change(f"{path_of(client)}/undo")
    assert undone.json()["settings"] == {"timeout_ms": 7000}


@pytest.mark.parametrize(
    ("region", "timeout_s", "code", "words"),
    [
        ("moon", 1, "settings_not_migrated", "the moon is not served any more"),
        ("void", 1, "settings_not_migrated", "report this to the plugin's author"),
        ("leak", 1, "settings_not_migrated", "give its settings anew"),
        ("eu", 900, "setting_invalid", "timeout_ms: Input should be less than or equal to 60000"),
    ],
)
async def test_where_they_cannot_be_the_plugin_is_off_for_that_client_with_the_cause_shown(
    upgrade: Upgrade, region: str, timeout_s: int, code: str, words: str
) -> None:
    settings = {"api_key": KEY, "timeout": timeout_s, "region": region}
    token = (await upgrade.before(settings, {"timeout": 7})).token
    client, other = upgrade.clients
    server = await upgrade.serve(Second)
    operator = Operator(server, token)

    assert await answer_of(server, client) == "No tools."
    assert json.loads(await answer_of(server, other))["timeout_ms"] == 7000
    state = await operator.get(path_of(client))
    assert (state["state"], state["fault"]["code"]) == ("unusable", code)
    assert words in state["fault"]["cause"] + state["fault"]["remedy"]
    assert KEY not in json.dumps(state)
    kept = await operator.change(path_of(client), {"enabled": True})
    assert kept.json()["code"] == code
    assert words in kept.json()["detail"]
    assert await stored_version(server, client) == 1

    off = await operator.change(path_of(client), {"enabled": False})
    assert (off.status_code, off.json()["state"]) == (200, "off")
    anew = await operator.change(
        path_of(client), {"enabled": True, "reset": True, "settings": {"token": KEY}}
    )
    assert (anew.json()["state"], anew.json()["fault"]) == ("on", None)
    assert json.loads(await answer_of(server, client)) == {"token": True, "timeout_ms": 30_000}


async def test_an_older_release_does_not_guess_at_newer_values(upgrade: Upgrade) -> None:
    token = (await upgrade.before({"timeout": 7})).token
    (client,) = upgrade.clients
    newer = Operator(await upgrade.serve(Second), token)
    await newer.change(path_of(client), {"settings": {"timeout_ms": 9000}})

    older = await upgrade.serve(First)

    assert await answer_of(older, client) == "No tools."
    operator = Operator(older, token)
    assert (await operator.get(path_of(client)))["fault"]["code"] == "settings_too_new"
    await operator.change(f"{path_of(client)}/undo")
    assert json.loads(await answer_of(older, client))["timeout"] == 7
