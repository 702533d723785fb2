"""An admin looks at a client's plugins, switches and sets them, and takes that back, while people chat."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Client, ClientPlugin
from csai.plugins.discovery import Quarantined
from csai.plugins.registry import PluginRegistry
from csai_sdk import Locale, PluginContext, PluginSettings, ToolCall, event, hookimpl, tool
from csai_testkit.scripted import ScriptedProvider
from pydantic import Field, SecretStr

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory, TestClient

KEY = "the-key-nobody-sees"


class DeskSettings(PluginSettings):
    api_key: SecretStr | None = Field(None, title="Key", json_schema_extra={"env": "DESK_KEY"})
    pin: SecretStr | None = Field(None, title="PIN")
    city: str = Field("nowhere", title="City", json_schema_extra={"group": "Place"})
    size: Literal["s", "l"] = Field("s", title="Size", json_schema_extra={"labels": {"s": "Small"}})
    shelves: int | None = Field(None, title="Shelves", ge=1)


class Elvish(Locale):
    code = "x-elvish"

    def matches(self, text: str) -> float:
        return 0.0


class Desk:
    """A plugin with a bit of everything, which remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, str, bool]] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.is_running = asyncio.Event()

        @tool(read_only=True)
        async def find(ctx: PluginContext) -> dict[str, Any]:
            """Finds the desk."""
            settings = ctx.settings_as(DeskSettings)
            self.is_running.set()
            await self.hold.wait()
            key = settings.api_key.get_secret_value() if settings.api_key else None
            return {"city": settings.city, "has_key": key == KEY}

        @hookimpl
        async def plugin_toggled(event: event.PluginToggled, ctx: PluginContext) -> None:
            self.told.append((ctx.client_id, event.plugin, event.is_enabled))

        self.module = SimpleNamespace(
            register_settings=hookimpl(lambda: DeskSettings),
            register_tools=hookimpl(lambda: [find]),
            register_locales=hookimpl(lambda: [Elvish()]),
            plugin_toggled=plugin_toggled,
        )


def reply(request: Any) -> list[Any]:
    """Call the tool where there is one, then say what it told."""
    last = request.messages[-1]
    if hasattr(last, "results"):
        return [last.results[0].content]
    return [ToolCall("c", "find", {})] if request.tools else ["No tools."]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def server(make_server: ServerFactory, desk: Desk) -> Server:
    witness = SimpleNamespace(plugin_toggled=desk.module.plugin_toggled)
    provider = ScriptedProvider(reply, is_endless=True)
    return await make_server(provider, plugins={"desk": desk.module, "witness": witness})


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


def path_of(server: Server, *more: str, plugin: str = "desk", client: TestClient | None = None) -> str:
    return "/".join(("/admin/clients", (client or server.client).id, "plugins", plugin, *more))


async def answer_of(server: Server, client: TestClient | None = None) -> str:
    said = await server.say("Where?", client=client)
    assert said.json()["status"] == "completed", said.text
    content: str = said.json()["message"]["content"]
    return content


class TestSwitching:
    async def test_a_switch_holds_from_the_next_turn_for_this_client_alone(
        self, server: Server, operator: Operator, desk: Desk
    ) -> None:
        other = await server.add_client(settings={"provider": "scripted"})
        assert "nowhere" in await answer_of(server)
        desk.told.clear()

        off = await operator.change(path_of(server), {"enabled": False})

        assert (off.status_code, off.json()["enabled"], off.json()["state"]) == (200, False, "off")
        assert await answer_of(server) == "No tools."
        assert "nowhere" in await answer_of(server, other)
        # Told are those that the client has from now on: the witness, and not the desk any more.
        assert desk.told == [(server.client.id, "desk", False)]
        await operator.change(path_of(server), {"enabled": True})
        assert "nowhere" in await answer_of(server)
        assert desk.told[1:] == [(server.client.id, "desk", True)] * 2

    async def test_a_turn_that_runs_keeps_what_it_began_with(
        self, server: Server, operator: Operator, desk: Desk
    ) -> None:
        desk.hold.clear()
        running = asyncio.create_task(answer_of(server))
        await asyncio.wait_for(desk.is_running.wait(), 20)
        await operator.change(path_of(server), {"enabled": False, "settings": {"city": "Rome"}})
        assert await answer_of(server) == "No tools."
        desk.hold.set()
        assert "nowhere" in await running

    async def test_a_change_that_changes_nothing_leaves_no_trace(
        self, server: Server, operator: Operator
    ) -> None:
        path = path_of(server)
        first = await operator.change(path, {"settings": {"city": "Oslo", "api_key": KEY}})
        again = await operator.change(path, {"enabled": True, "settings": {"city": "Oslo", "api_key": KEY}})
        assert again.json() == first.json()
        assert len([row for row in await server.rows(AuditEntry) if row["object"] == "plugin:desk"]) == 1


class TestSettings:
    async def test_secrets_are_written_and_never_read(
        self, server: Server, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = path_of(server)
        monkeypatch.setenv("DESK_KEY", "the-key-of-the-operator")
        before = await operator.get(path)
        assert before["fields"]["api_key"]["source"] == "environment"
        answers = [
            await operator.change(path, {"settings": {"api_key": KEY, "pin": "1234", "city": "Oslo"}}),
            await operator.change(path, {"settings": {"city": "Rome"}}),
        ]
        assert "Rome" in (told := await answer_of(server))
        assert '"has_key": true' in told or '"has_key":true' in told
        cleared = await operator.change(path, {"settings": {"pin": None, "city": None}})

        assert cleared.json()["settings"] == {}
        assert not cleared.json()["fields"]["pin"]["is_set"]
        assert cleared.json()["fields"]["api_key"] == {
            "is_secret": True, "source": "client", "is_set": True, "env": "DESK_KEY", "is_env_set": True,
        }  # fmt: skip
        refused = await operator.change(path, {"settings": {"shelves": 0, "api_key": KEY}})
        assert (refused.status_code, refused.json()["code"]) == (422, "setting_invalid")
        (fault,) = refused.json()["errors"]
        assert fault["pointer"] == "/settings/shelves"
        everything = [each.text for each in (*answers, cleared, refused)]
        everything += [json.dumps(await operator.get(where)) for where in (path, "/admin/audit")]
        stored = repr(await server.rows(ClientPlugin)) + repr(await server.rows(AuditEntry))
        for text in (*everything, stored):
            assert KEY not in text
            assert "the-key-of-the-operator" not in text

    async def test_a_form_can_be_drawn_from_what_is_told(self, server: Server, operator: Operator) -> None:
        state = await operator.get(path_of(server))
        fields = state["settings_schema"]["properties"]
        assert fields["api_key"] == {
            "title": "Key", "type": ["string", "null"], "format": "password", "writeOnly": True,
        }  # fmt: skip
        assert fields["size"]["oneOf"] == [{"const": "s", "title": "Small"}, {"const": "l", "title": "l"}]
        assert fields["shelves"]["type"] == ["integer", "null"]
        assert state["groups"] == [
            {"title": "", "fields": ["api_key", "pin", "size", "shelves"]},
            {"title": "Place", "fields": ["city"]},
        ]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"settings": {"town": "Oslo"}}, "setting_unknown"),
            ({"settings": {"shelves": "many"}}, "setting_invalid"),
            ({"settings": {"city": "a\x00b"}}, "setting_invalid"),
            ({"settings": {"city": ["Oslo"]}}, "setting_invalid"),
            ({"enabled": "no"}, "request_invalid"),
            ({"enable": True}, "request_invalid"),
        ],
    )
    async def test_what_does_not_fit_is_refused_whole(
        self, server: Server, operator: Operator, body: dict[str, Any], code: str
    ) -> None:
        before = await server.rows(ClientPlugin)
        answer = await operator.change(path_of(server), {"enabled": False} | body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert await server.rows(ClientPlugin) == before


class TestTwoOperators:
    async def test_the_second_is_told_that_the_first_was_quicker(
        self, server: Server, operator: Operator
    ) -> None:
        path = path_of(server)
        read = (await operator.ask("GET", path)).headers["etag"]
        first = await operator.change(path, {"settings": {"city": "Oslo"}}, if_match=read)
        second = await operator.change(path, {"settings": {"city": "Rome"}}, if_match=read)
        undo = await operator.change(f"{path}/undo", if_match=read)

        assert first.status_code == 200
        for refused in (second, undo):
            assert (refused.status_code, refused.json()["code"]) == (412, "changed_meanwhile")
            assert refused.headers["etag"] == first.headers["etag"]
        assert (await operator.get(path))["settings"] == {"city": "Oslo"}
        weak = await operator.change(
            path, {"settings": {"city": "Rome"}}, if_match=f"W/{first.headers['etag']}"
        )
        assert weak.status_code == 200

    async def test_of_many_at_once_one_wins(self, server: Server, operator: Operator) -> None:
        path = path_of(server)
        read = (await operator.ask("GET", path)).headers["etag"]
        answers = await asyncio.gather(
            *(operator.change(path, {"settings": {"city": f"City {n}"}}, if_match=read) for n in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7

    async def test_a_change_without_what_was_read_is_refused(
        self, server: Server, operator: Operator
    ) -> None:
        answer = await operator.ask("PATCH", path_of(server), json={"enabled": False})
        assert (answer.status_code, answer.json()["code"]) == (428, "if_match_missing")


class TestUndo:
    async def test_one_step_back_brings_secrets_back_and_one_more_undoes_that(
        self, server: Server, operator: Operator, desk: Desk
    ) -> None:
        path = path_of(server)
        await operator.change(path, {"settings": {"city": "Oslo", "api_key": KEY}})
        await operator.change(path, {"enabled": False, "settings": {"city": "Rome", "api_key": None}})
        desk.told.clear()

        undone = await operator.change(f"{path}/undo")

        assert (undone.json()["enabled"], undone.json()["settings"]) == (True, {"city": "Oslo"})
        told = json.loads(await answer_of(server))
        assert told == {"city": "Oslo", "has_key": True}
        assert (server.client.id, "desk", True) in desk.told
        redone = await operator.change(f"{path}/undo")
        assert (redone.json()["enabled"], redone.json()["settings"]) == (False, {"city": "Rome"})
        assert not redone.json()["fields"]["api_key"]["is_set"]
        actions = [entry["action"] for entry in (await operator.get("/admin/audit"))["entries"]]
        assert actions[:2] == ["plugin.undone"] * 2

    async def test_there_is_nothing_to_undo_before_the_first_change(
        self, server: Server, operator: Operator
    ) -> None:
        answer = await operator.change(f"{path_of(server)}/undo")
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")


class TestPreview:
    async def test_what_would_go_is_told_and_nothing_changes(
        self, server: Server, operator: Operator
    ) -> None:
        before = (await server.rows(Client), await server.rows(ClientPlugin), await server.rows(AuditEntry))
        shown = await operator.get(path_of(server, "preview"), enabled=False)
        assert (shown["enabled_now"], shown["enabled_then"]) == (True, False)
        assert shown["tools"] == {"gone": ["find"], "added": [], "available": []}
        assert shown["locales"]["gone"] == ["x-elvish"]
        assert shown["hooks"]["gone"] == ["plugin_toggled"]
        assert shown["warnings"] == []
        after = (await server.rows(Client), await server.rows(ClientPlugin), await server.rows(AuditEntry))
        assert after == before

    async def test_a_client_that_would_lose_its_last_provider_is_warned(
        self, server: Server, operator: Operator
    ) -> None:
        shown = await operator.get(path_of(server, "preview", plugin="test"), enabled=False)
        assert shown["providers"] == {"now": ["scripted"], "then": []}
        assert "No provider would be left" in shown["warnings"][0]


class TestNotFound:
    @pytest.mark.parametrize("method", ["GET", "PATCH"])
    async def test_what_is_unknown_is_not_found(
        self, server: Server, operator: Operator, method: str
    ) -> None:
        for client_id in (new_id(), "x", "..%2f..", server.client.id.upper()):
            for more in ("", "/undo", "/preview?enabled=false"):
                path = f"/admin/clients/{client_id}/plugins/desk{more}"
                verb = "POST" if more == "/undo" else "GET" if more else method
                answer = await operator.ask(verb, path, json={"enabled": False}, headers={"If-Match": "*"})
                assert answer.status_code == 404, (path, answer.text)
        answer = await operator.ask("GET", path_of(server, plugin="dask"))
        assert (answer.status_code, answer.json()["code"]) == (404, "plugin_unknown")


async def test_the_installation_tells_what_is_kept_out_and_why(make_server: ServerFactory) -> None:
    registry = PluginRegistry()
    registry.quarantined["broken"] = Quarantined("broken", "csai-broken", "1", "it raised", "mend it")
    server = await make_server(ScriptedProvider(["Hi"], is_endless=True), registry=registry)
    operator = await sign_in(server)
    listed = {item["id"]: item for item in (await operator.get("/admin/plugins"))["plugins"]}
    assert (listed["broken"]["state"], listed["broken"]["remedy"]) == ("quarantined", "mend it")
    assert (listed["test"]["state"], listed["test"]["kinds"]) == ("loaded", ["provider"])
    states = await operator.get(f"/admin/clients/{server.client.id}/plugins")
    assert [item["id"] for item in states["plugins"]] == ["test"]


async def test_the_audit_log_tells_who_changed_what_and_is_read_in_pages(
    server: Server, operator: Operator
) -> None:
    other = await server.add_client()
    for city in ("Oslo", "Rome", "Bern"):
        changed = await operator.change(path_of(server), {"settings": {"city": city, "api_key": KEY}})
    await operator.change(path_of(server, client=other), {"enabled": False})

    first = await operator.get("/admin/audit", client_id=server.client.id, limit=2)
    rest = await operator.get("/admin/audit", client_id=server.client.id, limit=2, before=first["next"])

    entries = [*first["entries"], *rest["entries"]]
    assert [entry["after"]["settings"]["city"] for entry in entries] == ["Bern", "Rome", "Oslo"]
    assert rest["next"] is None
    newest = entries[0]
    assert newest["before"] == {"enabled": True, "settings": {"city": "Rome"}, "secrets": ["api_key"]}
    assert newest["after"]["named"] == ["api_key", "city"]
    assert (newest["actor"], newest["actor_name"]) == ("admin", "ada@example.com")
    assert newest["request_id"] == changed.headers["x-request-id"]
    of_other = await operator.get("/admin/audit", client_id=other.id, object="plugin:desk")
    assert [entry["action"] for entry in of_other["entries"]] == ["plugin.switched"]
