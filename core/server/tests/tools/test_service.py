"""The catalog as a file changes it: what is taken, what is refused, and that all goes in or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from csai.clients.repository import ClientRepository
from csai.clients.service import create_client
from csai.database import Database
from csai.kit.clock import SystemClock
from csai.kit.crypto import Keyring
from csai.kit.problem import Problem
from csai.tools.repository import Catalog, ToolRepository
from csai.tools.service import CatalogChange, add_tools
from csai_sdk import tool

from tests.support.backend import Backend

NOW = SystemClock().now()
FIND: dict[str, Any] = {
    "tool_name": "find_thing",
    "description": "Finds a thing.",
    "parameters_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
    "backend": "n8n",
}


@tool(name="shop_hours")
def shop_hours() -> str:
    """When the shop is open."""
    return "always"


@pytest.fixture
async def database(backend: Backend) -> AsyncIterator[Database]:
    database = Database(backend.database_url)
    async with database.write() as transaction:
        await Catalog(transaction).sync_plugin_tools([("shop", shop_hours)], now=NOW)
    yield database
    await database.close()


async def add(database: Database, content: object) -> CatalogChange:
    async with database.write() as transaction:
        return await add_tools(Catalog(transaction), content, backends={"n8n"}, clock=SystemClock())


async def names(database: Database) -> list[str]:
    async with database.read() as connection:
        return [row.tool_name for row in await Catalog(connection).rows()]


async def test_one_tool_or_a_list_is_added_with_what_it_leaves_open(database: Database) -> None:
    assert await add(database, FIND) == CatalogChange(("find_thing",), ())
    other = {**FIND, "tool_name": "Other-2", "category": "odd", "read_only": True, "private": True}
    assert await add(database, [FIND, other]) == CatalogChange(("Other-2",), ("find_thing",))
    async with database.read() as connection:
        rows = {row.tool_name: row for row in await Catalog(connection).rows()}
    found, odd = rows["find_thing"], rows["Other-2"]
    assert (found.category, found.plugin, found.read_only, found.private) == ("general", None, False, False)
    assert found.parameters_schema == FIND["parameters_schema"]
    assert (odd.category, odd.read_only, odd.idempotent, odd.private, odd.confirm) == (
        *("odd", True, False, True, False),
    )


async def test_a_changed_tool_is_followed_by_the_clients_that_have_it_and_by_no_other(
    database: Database,
) -> None:
    await add(database, FIND)
    versions = []
    for has_it in (True, False):
        async with database.write() as transaction:
            client = await create_client(
                transaction, name="Shop", origins=[], keyring=Keyring(["k"]), clock=SystemClock()
            )
            if has_it:
                await ToolRepository(transaction, client.id).enable("find_thing")
            before = (await ClientRepository(transaction, client.id).get()).config_version
        await add(database, {**FIND, "description": f"Finds it: {has_it}."})
        async with database.read() as connection:
            repository = ClientRepository(connection, client.id)
            versions.append((await repository.get()).config_version - before)
    assert versions == [1, 0]


async def test_a_function_of_a_plugin_cannot_be_changed_from_outside(database: Database) -> None:
    with pytest.raises(Problem) as refused:
        await add(database, [FIND, {**FIND, "tool_name": "shop_hours"}])
    assert refused.value.code == "tool_of_plugin"
    assert "a function of the plugin shop" in refused.value.detail
    assert await names(database) == ["shop_hours"]


async def test_a_plugin_that_comes_later_leaves_the_operators_tool_alone(database: Database) -> None:
    await add(database, {**FIND, "tool_name": "late"})
    late = tool(name="late")(shop_hours.function)
    async with database.write() as transaction:
        await Catalog(transaction).sync_plugin_tools([("shop", late)], now=NOW)
        rows = {row.tool_name: row for row in await Catalog(transaction).rows()}
    assert (rows["late"].backend, rows["late"].description) == ("n8n", "Finds a thing.")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ([], "tool_invalid", "the file holds no tool"),
        ("find_thing", "tool_invalid", "tool number 1"),
        ([FIND, FIND], "tool_invalid", "names 'find_thing' twice"),
        ([FIND, {}], "tool_invalid", "tool number 2: tool_name: Field required"),
        ({**FIND, "tool_name": "find thing"}, "tool_invalid", "vendors take no others"),
        ({**FIND, "tool_name": "x" * 65}, "tool_invalid", "1 to 64"),
        ({**FIND, "tool_name": "find_thing\n"}, "tool_invalid", "tool_name"),
        ({**FIND, "tool_name": ""}, "tool_invalid", "tool_name"),
        ({**FIND, "description": ""}, "tool_invalid", "description"),
        ({**FIND, "description": "a\0b"}, "tool_invalid", "cannot be stored"),
        ({**FIND, "category": "x" * 51}, "tool_invalid", "category"),
        ({**FIND, "read_only": "yes"}, "tool_invalid", "read_only"),
        ({**FIND, "webhook": "x"}, "tool_invalid", "webhook: Extra inputs"),
        ({**FIND, "parameters_schema": {"type": "array"}}, "tool_invalid", 'set "type" to "object"'),
        ({**FIND, "parameters_schema": {"type": "thing"}}, "tool_invalid", "parameters_schema"),
        ({**FIND, "parameters_schema": {"title": "a\0b"}}, "tool_invalid", "cannot be stored"),
        ({**FIND, "parameters_schema": {"title": "\ud800"}}, "tool_invalid", "cannot be stored"),
        ({**FIND, "parameters_schema": {"$ref": "http://x/y"}}, "tool_invalid", "leads nowhere"),
        ({**FIND, "backend": "zapier"}, "tool_backend_unknown", "Installed: n8n"),
        ({**FIND, "backend": "python"}, "tool_backend_unknown", "no tool backend 'python'"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place_and_nothing_is_kept(
    database: Database, content: object, code: str, words: str
) -> None:
    with pytest.raises(Problem) as refused:
        await add(database, content)
    assert refused.value.code == code
    assert words in refused.value.detail
    assert await names(database) == ["shop_hours"]
