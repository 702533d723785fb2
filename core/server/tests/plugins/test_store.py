"""What plugins keep: the same promises of the server's store and of the test kit's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from csai.conversations.repository import VisitorRepository
from csai.kit.identifier import new_id
from csai.models import Client, PluginEntry, Visitor
from csai.plugins.store import NoStore, PluginStore
from csai_sdk import PluginContext, StoreFull, hookimpl
from csai_sdk.event import MessageReceived
from csai_sdk.store import MAX_KEYS, MAX_TOTAL_BYTES, MAX_VALUE_BYTES, Store
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from csai_testkit.store import Entry, MemoryStore
from sqlalchemy import delete, insert, select

from tests.support.server import Server, ServerFactory

VISITOR = "customer-7"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server(make_server: ServerFactory, clock: FakeClock) -> Server:
    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), clock=clock)
    async with server.services.database.write() as transaction:
        await VisitorRepository(transaction, server.client.id).ensure(VISITOR, now=clock.now())
    return server


def of(server: Server, *, plugin: str = "crm", client_id: str = "") -> PluginStore:
    return PluginStore(
        server.services.database,
        server.services.clock,
        plugin=plugin,
        client_id=client_id or server.client.id,
    )


@pytest.fixture(params=["server", "testkit"])
async def store(request: pytest.FixtureRequest, server: Server, clock: FakeClock) -> Store:
    return of(server) if request.param == "server" else MemoryStore(clock)


async def fill(store: Store, count: int, *, expires_at: datetime) -> None:
    """Keep so many small values, at once rather than one by one."""
    if isinstance(store, MemoryStore):
        store.entries.update({f"k{n}": Entry("1", None, expires_at) for n in range(count)})
        return
    assert isinstance(store, PluginStore)
    await store.set("k0", 1, expires_at=expires_at)
    row = select(PluginEntry.__table__)
    async with store._database.write() as transaction:
        first = dict((await transaction.execute(row)).mappings().one())
        rows = [{**first, "id": new_id(), "key": f"k{n}"} for n in range(1, count)]
        await transaction.execute(insert(PluginEntry), rows)


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "שלום \x00 👋", [1, {"a": None}], {"b": {"c": []}}])
async def test_a_value_comes_back_as_it_was_set(store: Store, value: Any) -> None:
    await store.set("k", {"other": "before"})
    await store.set("k", value)

    assert await store.get("k") == value
    assert await store.keys() == ["k"]


async def test_what_was_never_set_or_is_deleted_is_nothing(store: Store) -> None:
    assert await store.get("k") is None
    await store.set("k", 1)
    assert [await store.delete("k"), await store.delete("k")] == [True, False]
    assert (await store.get("k"), await store.keys()) == (None, [])


async def test_keys_are_found_by_their_beginning_as_it_is_written(store: Store) -> None:
    for key in ("order:2", "order:1", "Order:3", "order%4", "other"):
        await store.set(key, 1)

    assert await store.keys("order:") == ["order:1", "order:2"]
    assert await store.keys("order%") == ["order%4"]
    assert await store.keys("%") == []


async def test_what_has_expired_is_nothing_and_takes_no_room(store: Store, clock: FakeClock) -> None:
    in_a_minute = clock.now() + timedelta(minutes=1)
    await fill(store, MAX_KEYS, expires_at=in_a_minute)
    with pytest.raises(StoreFull):
        await store.set("one more", 1)
    await store.set("k0", 1, expires_at=in_a_minute)
    clock.advance(60)

    assert (await store.get("k0"), await store.keys(), await store.delete("k0")) == (None, [], False)
    await store.set("fresh", 1)
    assert await store.keys() == ["fresh"]


@pytest.mark.parametrize("key", ["", "k" * 201, "a\nb", "a\x00b"])
async def test_a_key_that_is_none_is_refused(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        await store.set(key, 1)


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}])
async def test_a_value_that_is_no_json_is_refused(store: Store, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        await store.set("k", value)
    assert await store.keys() == []


async def test_a_value_that_is_too_large_is_refused_and_the_old_one_stays(store: Store) -> None:
    await store.set("k", "old")
    with pytest.raises(StoreFull):
        await store.set("k", "ש" * (MAX_VALUE_BYTES // 2))
    assert await store.get("k") == "old"


async def test_no_more_is_kept_than_may_be_also_by_writers_at_once(store: Store) -> None:
    value = "x" * (MAX_VALUE_BYTES - 2)
    room = MAX_TOTAL_BYTES // MAX_VALUE_BYTES

    results = await asyncio.gather(
        *(store.set(f"k{n}", value) for n in range(room + 5)), return_exceptions=True
    )

    assert [type(result) for result in results if result is not None] == [StoreFull] * 5
    assert len(await store.keys()) == room
    await store.set((await store.keys())[0], value)  # in place of itself there is room


async def test_clients_and_plugins_never_see_each_others(server: Server) -> None:
    other = await server.add_client()
    stores = [of(server), of(server, plugin="erp"), of(server, client_id=other.id)]
    for number, each in enumerate(stores):
        await each.set("k", number)

    assert [await each.get("k") for each in stores] == [0, 1, 2]
    assert await stores[0].delete("k")
    assert [await each.keys() for each in stores] == [[], ["k"], ["k"]]


async def test_what_is_kept_of_a_visitor_goes_with_the_visitor_and_all_with_the_client(
    server: Server,
) -> None:
    own = of(server)
    await own.set("of the visitor", 1, visitor_id=VISITOR)
    await own.set("of the client", 1)
    with pytest.raises(ValueError, match="visitor"):
        await own.set("of nobody", 1, visitor_id="unknown")

    async with server.services.database.write() as transaction:
        await transaction.execute(delete(Visitor).where(Visitor.external_id == VISITOR))
    assert await own.keys() == ["of the client"]
    async with server.services.database.write() as transaction:
        await transaction.execute(delete(Client).where(Client.id == server.client.id))
    assert await server.rows(PluginEntry) == []


async def test_a_plugin_finds_its_store_in_the_context_of_hooks_and_tools(make_server: ServerFactory) -> None:
    told: list[Any] = []

    class Greeter:
        @hookimpl
        async def message_received(self, event: MessageReceived, ctx: PluginContext) -> None:
            count = (await ctx.store.get("count") or 0) + 1
            await ctx.store.set("count", count)
            told.append((ctx.client_id, count))

    server = await make_server(ScriptedProvider(["Hello!"], is_endless=True), plugins={"greeter": Greeter()})
    other = await server.add_client()

    await server.say("Hi")
    await server.say("Hi")
    await server.say("Hi", client=other)

    assert told == [(server.client.id, 1), (server.client.id, 2), (other.id, 1)]


async def test_the_installation_s_context_has_no_store(server: Server) -> None:
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: NoStore().get("k"),
        lambda: NoStore().set("k", 1),
        lambda: NoStore().delete("k"),
        lambda: NoStore().keys(),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="no client"):
            await call()
