"""An admin chooses which models answer: for a client, for a plan, within what the plan allows."""

from __future__ import annotations

from typing import Any

import pytest
from csai.models import AuditEntry
from csai_sdk import PluginSettings, ProviderError, hookimpl
from csai_testkit.scripted import ScriptedProvider
from pydantic import SecretStr

from tests.support.operator import Operator, sign_in
from tests.support.server import Server, ServerFactory


def provider(name: str) -> ScriptedProvider:
    made = ScriptedProvider(lambda request: [f"{name}/{request.model}"], is_endless=True)
    made.id, made.default_model = name, f"{name}-small"
    return made


ASKS_FOR_NOTHING: dict[str, Any] = {"provider": "", "fallback_providers": []}


@pytest.fixture
async def server(make_server: ServerFactory) -> Server:
    return await make_server(provider("red"), provider("blue"), client={"settings": ASKS_FOR_NOTHING})


@pytest.fixture
async def operator(server: Server) -> Operator:
    return await sign_in(server)


def path_of(server: Server) -> str:
    return f"/admin/clients/{server.client.id}/providers"


PLAN = "/admin/plans/default/providers"


async def put(operator: Operator, path: str, if_match: str = "*", **body: Any) -> Any:
    return await operator.ask("PUT", path, json=body, headers={"If-Match": if_match})


async def answered_by(server: Server) -> str:
    said = (await server.say("Hi")).json()
    assert said["status"] == "completed", said
    content: str = said["message"]["content"]
    return content


class TestClient:
    async def test_a_choice_holds_from_the_next_turn_and_is_audited(
        self, server: Server, operator: Operator
    ) -> None:
        assert await answered_by(server) == "red/red-small"
        changed = await put(operator, path_of(server), chain=["blue/blue-large", "red"])
        assert changed.status_code == 200, changed.text
        assert await answered_by(server) == "blue/blue-large"
        assert [(each["provider"], each["model"]) for each in changed.json()["answering"]] == [
            ("blue", "blue-large"),
            ("red", "red-small"),
        ]
        (entry,) = await server.rows(AuditEntry, action="client.providers_set")
        assert (entry["before"], entry["after"]) == (
            {},
            {"chain": ["blue/blue-large", "red"]},
        )

    async def test_one_provider_answers_with_two_models_where_the_first_fails(
        self, make_server: ServerFactory
    ) -> None:
        def answer(request: Any) -> list[Any]:
            return [ProviderError("busy")] if request.model == "small" else ["Large."]

        server = await make_server(
            ScriptedProvider(answer, is_endless=True),
            client={"settings": {"chain": ["scripted/small", "scripted/large"]}},
            model_retries=0,
        )
        assert await answered_by(server) == "Large."

    async def test_a_change_on_what_was_read_before_is_refused(
        self, server: Server, operator: Operator
    ) -> None:
        read = await operator.ask("GET", path_of(server))
        first = await put(operator, path_of(server), read.headers["ETag"], chain=["blue"])
        second = await put(operator, path_of(server), read.headers["ETag"], chain=["red"])
        missing = await operator.ask("PUT", path_of(server), json={"chain": []})
        assert (first.status_code, second.status_code, missing.status_code) == (200, 412, 428)
        assert second.headers["ETag"] == first.headers["ETag"]
        assert second.json()["code"] == "changed_meanwhile"

    async def test_an_empty_chain_leaves_it_to_the_plan(self, server: Server, operator: Operator) -> None:
        await put(operator, PLAN, chain=["blue/of-the-plan"])
        await put(operator, path_of(server), chain=["red"])
        assert await answered_by(server) == "red/red-small"
        back = await put(operator, path_of(server), chain=[])
        assert (back.json()["source"], back.json()["chain"]) == ("plan", [])
        assert await answered_by(server) == "blue/of-the-plan"

    @pytest.mark.parametrize(
        ("chain", "code"),
        [
            (["green/x"], "provider_unknown"),
            (["red/" + "x" * 201], "model_invalid"),
            (["red/a\nb"], "model_invalid"),
            (["red"] * 11, "request_invalid"),
            (["blue/other"], "model_not_allowed"),
        ],
    )
    async def test_a_chain_that_cannot_be_is_refused(
        self, server: Server, operator: Operator, chain: list[str], code: str
    ) -> None:
        await put(operator, PLAN, models=["red/*", "blue/blue-small"])
        refused = await put(operator, path_of(server), chain=chain)
        assert (refused.status_code, refused.json()["code"]) == (422, code)

    async def test_another_client_keeps_its_own(self, server: Server, operator: Operator) -> None:
        other = await server.add_client(settings={"chain": ["blue"]})
        await put(operator, path_of(server), chain=["red/mine"])
        said = await server.say("Hi", client=other)
        assert said.json()["message"]["content"] == "blue/blue-small"

    async def test_an_unknown_client_is_not_found(self, server: Server, operator: Operator) -> None:
        for name in ("nobody", "0" * 32, "01890000-0000-7000-8000-000000000000"):
            assert (await operator.ask("GET", f"/admin/clients/{name}/providers")).status_code == 404
            assert (await put(operator, f"/admin/clients/{name}/providers", chain=[])).status_code == 404

    async def test_a_viewer_looks_and_does_not_choose(self, server: Server) -> None:
        viewer = await sign_in(server, email="viewer@example.com", role="viewer")
        assert (await viewer.ask("GET", path_of(server))).status_code == 200
        assert (await put(viewer, path_of(server), chain=["red"])).status_code == 403
        assert (await put(viewer, PLAN, chain=["red"])).status_code == 403


class TestPlan:
    async def test_its_list_of_models_binds_what_was_chosen_before(
        self, server: Server, operator: Operator
    ) -> None:
        await put(operator, path_of(server), chain=["blue/dear", "red/fair"])
        changed = await put(operator, PLAN, models=["red/*"])
        assert changed.json() == {
            "name": "default",
            "chain": [],
            "models": ["red/*"],
            "may_choose": True,
            "simple": [],
            "threshold": 30,
        }
        assert await answered_by(server) == "red/fair"
        state = await operator.get(path_of(server))
        assert [each["model"] for each in state["left_out"]] == ["blue/dear"]
        assert "does not allow" in state["left_out"][0]["reason"]

    async def test_a_model_of_the_plugins_settings_is_bound_by_it_too(
        self, make_server: ServerFactory
    ) -> None:
        class WithModel(PluginSettings):
            model: str = "set-by-the-client"
            api_key: SecretStr | None = None

        class Plugin:
            @hookimpl
            def register_providers(self) -> list[Any]:
                return [provider("green")]

            @hookimpl
            def register_settings(self) -> type[PluginSettings]:
                return WithModel

        server = await make_server(plugins={"green": Plugin()})
        operator = await sign_in(server)
        assert await answered_by(server) == "green/set-by-the-client"
        await put(operator, PLAN, models=["green/other"])
        assert (await server.say("Hi")).json()["status"] == "failed"

    async def test_clients_that_may_not_choose_have_what_it_says(
        self, server: Server, operator: Operator
    ) -> None:
        await put(operator, path_of(server), chain=["red"])
        await put(operator, PLAN, chain=["blue/fixed"], may_choose=False)
        assert await answered_by(server) == "blue/fixed"
        refused = await put(operator, path_of(server), chain=["blue"])
        assert (refused.status_code, refused.json()["code"]) == (409, "plan_chooses")
        assert (await put(operator, path_of(server), chain=[])).status_code == 200

    @pytest.mark.parametrize("pattern", ["", "red", "*", "/x", "red/\n"])
    async def test_a_list_that_names_no_model_is_refused(self, operator: Operator, pattern: str) -> None:
        refused = await put(operator, PLAN, models=[pattern])
        assert (refused.status_code, refused.json()["code"]) == (422, "pattern_invalid")

    async def test_an_unknown_plan_is_not_found(self, operator: Operator) -> None:
        assert (await operator.ask("GET", "/admin/plans/none/providers")).status_code == 404
        assert (await put(operator, "/admin/plans/none/providers")).status_code == 404


class TestOwnAccount:
    async def test_a_clients_own_key_is_told_and_used_for_it_alone(self, make_server: ServerFactory) -> None:
        class WithKey(PluginSettings):
            api_key: SecretStr | None = None

        class Keyed(ScriptedProvider):
            def is_configured(self, ctx: Any) -> bool:
                return ctx.settings_as(WithKey).api_key is not None

        keyed = Keyed(["Keyed."], is_endless=True)
        keyed.id = "keyed"

        class Plugin:
            @hookimpl
            def register_providers(self) -> list[Any]:
                return [keyed]

            @hookimpl
            def register_settings(self) -> type[PluginSettings]:
                return WithKey

        server = await make_server(provider("red"), plugins={"keyed": Plugin()})
        operator = await sign_in(server)
        await put(operator, path_of(server), chain=["keyed", "red"])
        before = await operator.get(path_of(server))
        assert [each["model"] for each in before["left_out"]] == ["keyed"]
        path = f"/admin/clients/{server.client.id}/plugins/keyed"
        await operator.change(path, {"settings": {"api_key": "mine"}})
        after = await operator.get(path_of(server))
        assert [(each["provider"], each["uses_own_account"]) for each in after["answering"]] == [
            ("keyed", True),
            ("red", False),
        ]
        other = await server.add_client(settings={"chain": ["keyed", "red"]})
        assert await answered_by(server) == "Keyed."
        assert (await server.say("Hi", client=other)).json()["message"]["content"] == "red/red-small"
