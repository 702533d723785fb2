"""What an operator gives a client: plugins with their settings, tools, how it is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import pytest
from csai.clients.plugin import PluginState, find_plugin, owned_settings, switch_plugin
from csai.clients.repository import ClientRepository
from csai.clients.service import change_setting, create_client, find_client
from csai.clients.switch import switch_tool, tool_obstacles
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.knowledge.ingest import document_passages
from csai.knowledge.repository import KnowledgeRepository
from csai.knowledge.service import teach
from csai.plugins.registry import Plugin, PluginRegistry
from csai.tools.repository import Catalog
from csai.tools.service import add_tools
from csai_sdk import PluginSettings
from pydantic import Field, SecretStr, field_validator

from tests.support.backend import Backend

KEYRING = Keyring(["a key for tests"])
CLOCK = SystemClock()


class Config(PluginSettings):
    key: SecretStr | None = None
    pin: SecretStr | None = None
    name: str = ""
    timeout_s: float = Field(30, gt=0)
    count: int | None = None
    is_loud: bool = False
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 4:
            raise ValueError(f"'{value.get_secret_value()}' is too short")
        return value


PLUGIN = Plugin("hooks", "csai-hooks", "1", settings_model=Config)


@dataclass
class Desk:
    """A client, and its operator's hand."""

    database: Database
    id: str

    async def version(self) -> int:
        async with self.database.read() as connection:
            return (await ClientRepository(connection, self.id).get()).config_version

    async def settings(self) -> dict[str, Any]:
        async with self.database.read() as connection:
            return dict((await ClientRepository(connection, self.id).get()).settings)

    async def plugin(
        self,
        *,
        enabled: bool | None = None,
        on_by_default: bool = False,
        cleared: Collection[str] = (),
        keyring: Keyring = KEYRING,
        **given: str,
    ) -> PluginState:
        async with self.database.write() as transaction:
            return await switch_plugin(
                transaction,
                self.id,
                PLUGIN,
                enabled=enabled,
                is_on_by_default=on_by_default,
                given=owned_settings(PLUGIN, self.id, keyring).values(given),
                cleared=cleared,
                keyring=keyring,
                clock=CLOCK,
            )

    async def stored_secrets(self) -> dict[str, str]:
        async with self.database.read() as connection:
            row = (await ClientRepository(connection, self.id).plugins())["hooks"]
        owner = f"client:{self.id}/plugin:hooks"
        found: dict[str, str] = json.loads(KEYRING.decrypt(row.secrets, owner)) if row.secrets else {}
        return found

    async def set(self, name: Any, value: str, *, default_provider: str = "") -> None:
        async with self.database.write() as transaction:
            await change_setting(
                transaction,
                self.id,
                name,
                value,
                providers={"openai", "claude"},
                default_provider=default_provider,
                clock=CLOCK,
            )


@pytest.fixture
async def desk(backend: Backend) -> AsyncIterator[Desk]:
    database = Database(backend.database_url)
    async with database.write() as transaction:
        client = await create_client(transaction, name="Shop", origins=[], keyring=KEYRING, clock=CLOCK)
    yield Desk(database, client.id)
    await database.close()


class TestFind:
    async def test_a_client_is_found_by_its_id_and_by_its_exact_name(self, desk: Desk) -> None:
        async with desk.database.read() as connection:
            assert (await find_client(connection, desk.id)).name == "Shop"
            assert (await find_client(connection, desk.id.upper())).id == desk.id
            assert (await find_client(connection, "Shop")).id == desk.id
            for unknown in ("shop", "", new_id(), "Sho%"):
                with pytest.raises(Problem) as refused:
                    await find_client(connection, unknown)
                assert refused.value.code == "client_unknown"

    async def test_a_name_that_two_have_is_refused_with_their_ids(self, desk: Desk) -> None:
        async with desk.database.write() as transaction:
            other = await create_client(transaction, name="Shop", origins=[], keyring=KEYRING, clock=CLOCK)
            with pytest.raises(Problem) as refused:
                await find_client(transaction, "Shop")
        assert refused.value.code == "client_ambiguous"
        assert desk.id in refused.value.detail
        assert other.id in refused.value.detail


class TestPlugin:
    async def test_settings_are_stored_as_their_types_and_secrets_encrypted_for_their_owner(
        self, desk: Desk
    ) -> None:
        before = await desk.version()
        state = await desk.plugin(
            enabled=True,
            key="hunter2",
            timeout_s="5",
            count="7",
            is_loud="true",
            options='{"a": [1]}',
            name="8",
        )
        assert state.settings == {
            "timeout_s": 5.0, "count": 7, "is_loud": True, "options": {"a": [1]}, "name": "8",
        }  # fmt: skip
        assert (state.enabled, state.secrets) == (True, ("key",))
        assert await desk.stored_secrets() == {"key": "hunter2"}
        assert await desk.version() > before

    async def test_what_is_not_named_stays_and_what_is_unset_goes(self, desk: Desk) -> None:
        await desk.plugin(enabled=True, key="hunter2", pin="1234", name="x", timeout_s="5")
        state = await desk.plugin(name="y", cleared=["pin", "timeout_s"])
        assert (state.enabled, state.settings, state.secrets) == (True, {"name": "y"}, ("key",))
        assert await desk.stored_secrets() == {"key": "hunter2"}
        assert (await desk.plugin(enabled=False)).settings == {"name": "y"}
        assert (await desk.plugin(cleared=["key"])).secrets == ()
        assert await desk.stored_secrets() == {}

    @pytest.mark.parametrize("on_by_default", [True, False])
    async def test_giving_settings_alone_does_not_switch(self, desk: Desk, on_by_default: bool) -> None:
        assert (await desk.plugin(name="x", on_by_default=on_by_default)).enabled is on_by_default

    @pytest.mark.parametrize(
        ("given", "code", "words"),
        [
            ({"nam": "x"}, "setting_unknown", "It has: key, pin, name"),
            ({"timeout_s": "0"}, "setting_invalid", "timeout_s: Input should be greater than 0"),
            ({"timeout_s": "soon"}, "setting_invalid", "timeout_s"),
            ({"options": "{"}, "setting_invalid", "options"),
            ({"key": "abc"}, "setting_invalid", "key: does not fit"),
        ],
    )
    async def test_what_does_not_fit_is_refused_without_quoting_a_secret(
        self, desk: Desk, given: dict[str, Any], code: str, words: str
    ) -> None:
        before = await desk.version()
        with pytest.raises(Problem) as refused:
            await desk.plugin(enabled=True, **given)
        assert refused.value.code == code
        assert words in refused.value.detail
        assert "abc" not in refused.value.detail
        assert await desk.version() == before

    async def test_secrets_of_a_lost_key_are_only_replaced_by_new_ones(self, desk: Desk) -> None:
        await desk.plugin(key="hunter2", keyring=Keyring(["a lost key"]))
        with pytest.raises(Problem) as refused:
            await desk.plugin(enabled=True)
        assert refused.value.code == "secret_unreadable"
        await desk.plugin(key="hunter3")
        assert await desk.stored_secrets() == {"key": "hunter3"}

    def test_an_unknown_plugin_is_refused_with_those_there_are(self) -> None:
        registry = PluginRegistry()
        registry.plugins["hooks"] = PLUGIN
        with pytest.raises(Problem) as refused:
            find_plugin(registry, "hook")
        assert "Loaded: hooks" in refused.value.detail


@pytest.fixture
async def catalog(desk: Desk) -> None:
    entry = {"tool_name": "find", "description": "Finds.", "parameters_schema": {}, "backend": "n8n"}
    async with desk.database.write() as transaction:
        await add_tools(Catalog(transaction), entry, backends={"n8n"}, clock=CLOCK)


@pytest.mark.usefixtures("catalog")
class TestTool:
    async def test_address_and_timeout_stay_until_they_are_changed(self, desk: Desk) -> None:
        before = await desk.version()
        async with desk.database.write() as transaction:
            await switch_tool(
                transaction,
                desk.id,
                "find",
                enabled=True,
                webhook_url="https://n8n.example/w",
                timeout_s=5,
                clock=CLOCK,
            )
            await switch_tool(transaction, desk.id, "find", enabled=False, clock=CLOCK)
            tool = await switch_tool(transaction, desk.id, "find", enabled=True, clock=CLOCK)
            (row,) = await ClientRepository(transaction, desk.id).tools()
        assert (tool.webhook_url, tool.config) == ("https://n8n.example/w", {"timeout_s": 5})
        assert (row.n8n_webhook_url, row.custom_config) == ("https://n8n.example/w", {"timeout_s": 5})
        assert await desk.version() == before + 3

    async def test_an_address_alone_does_not_switch_it_on(self, desk: Desk) -> None:
        async with desk.database.write() as transaction:
            tool = await switch_tool(
                transaction, desk.id, "find", webhook_url="http://n8n.example/w", clock=CLOCK
            )
            assert not tool.enabled
            assert await ClientRepository(transaction, desk.id).tools() == []

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "",
                "n8n.example",
                "ftp://n8n.example",
                "file:///etc/passwd",
                "https://",
                "javascript:alert(1)",
            ),
            *(
                "https://me:pass@n8n.example/",
                "https://n8n.example/" + "a" * 2_000,
                "https://n8n.example/\x00",
            ),
        ],
    )
    async def test_what_is_no_web_address_is_refused(self, desk: Desk, url: str) -> None:
        async with desk.database.write() as transaction:
            with pytest.raises(Problem) as refused:
                await switch_tool(transaction, desk.id, "find", enabled=True, webhook_url=url, clock=CLOCK)
        assert refused.value.code == "webhook_url_invalid"
        assert "pass@" not in refused.value.detail

    @pytest.mark.parametrize("timeout_s", [0, -1, 121, float("nan"), float("inf")])
    async def test_a_timeout_that_cannot_be_is_refused(self, desk: Desk, timeout_s: float) -> None:
        async with desk.database.write() as transaction:
            with pytest.raises(Problem) as refused:
                await switch_tool(transaction, desk.id, "find", timeout_s=timeout_s, clock=CLOCK)
        assert refused.value.code == "tool_timeout_invalid"

    async def test_a_tool_that_is_not_in_the_catalog_is_refused(self, desk: Desk) -> None:
        async with desk.database.write() as transaction:
            with pytest.raises(Problem) as refused:
                await switch_tool(transaction, desk.id, "fin", enabled=True, clock=CLOCK)
        assert refused.value.code == "tool_unknown"

    async def test_what_keeps_it_from_being_used_is_told_with_the_remedy(self, desk: Desk) -> None:
        registry = PluginRegistry()
        async with desk.database.write() as transaction:
            tool = await switch_tool(transaction, desk.id, "find", enabled=True, clock=CLOCK)
        told = tool_obstacles(tool, desk.id, plugins={}, registry=registry, on_by_default=())
        assert told == [
            "it has no address to call: --webhook URL",
            "its plugin is not loaded (n8n): csai plugins doctor",
        ]


class TestSetting:
    async def test_each_is_kept_and_an_empty_one_taken_back(self, desk: Desk) -> None:
        await desk.set("provider", "openai")
        await desk.set("tone", "Kind.")
        await desk.set("prompt", "Sell {kettles}.\nÞökk")
        assert await desk.settings() == {
            "provider": "openai", "tone": "Kind.", "prompt": "Sell {kettles}.\nÞökk",
        }  # fmt: skip
        await desk.set("tone", "")
        await desk.set("prompt", "")
        assert await desk.settings() == {"provider": "openai"}

    async def test_a_model_belongs_to_the_provider_that_answers(self, desk: Desk) -> None:
        with pytest.raises(Problem) as refused:
            await desk.set("model", "gpt-x")
        assert refused.value.code == "provider_not_chosen"
        await desk.set("model", "gpt-x", default_provider="openai")
        await desk.set("provider", "claude")
        await desk.set("model", "claude-x", default_provider="openai")
        assert (await desk.settings())["models"] == {"openai": "gpt-x", "claude": "claude-x"}
        await desk.set("model", "")
        assert (await desk.settings())["models"] == {"openai": "gpt-x"}

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("provider", "gemini", "provider_unknown"),
            ("tone", "x" * 501, "setting_invalid"),
            ("prompt", "a\0b", "setting_invalid"),
        ],
    )
    async def test_what_cannot_be_is_refused(self, desk: Desk, name: str, value: str, code: str) -> None:
        with pytest.raises(Problem) as refused:
            await desk.set(name, value)
        assert refused.value.code == code
        assert await desk.settings() == {}


class TestKnowledge:
    async def teach(self, desk: Desk, *texts: str, is_replacing: bool = False) -> int:
        drafts = [draft for text in texts for draft in document_passages(text, name="opening-hours")]
        async with desk.database.write() as transaction:
            return await teach(transaction, desk.id, drafts, is_replacing=is_replacing, at=CLOCK.now())

    async def known(self, desk: Desk) -> list[tuple[str, str]]:
        async with desk.database.read() as connection:
            passages = await KnowledgeRepository(connection, desk.id).passages()
        return [(passage.title, passage.text) for passage in passages]

    async def test_a_file_read_again_adds_what_is_new_to_it(self, desk: Desk) -> None:
        before = await desk.version()
        assert await self.teach(desk, "# Shop\n\nOpen daily.", "Open daily.") == 2
        assert await self.teach(desk, "# Shop\n\nOpen daily.", "# Shop\n\nClosed today.") == 1
        assert await self.known(desk) == [
            ("Shop", "Open daily."),
            ("opening hours", "Open daily."),
            ("Shop", "Closed today."),
        ]
        assert await desk.version() == before + 2

    async def test_replacing_forgets_what_was_known(self, desk: Desk) -> None:
        await self.teach(desk, "Open daily.")
        assert await self.teach(desk, "Closed.", is_replacing=True) == 1
        assert await self.known(desk) == [("opening hours", "Closed.")]
