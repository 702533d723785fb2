"""What is stored of visitors on channels goes in its time, or on request; and news that are looked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from csai.models import Base, ChannelAccount, ChannelContact, ChannelInbound, ChannelOutbound, ChannelThread
from csai.privacy.erasure_repository import Subject
from csai.privacy.retention import Retention
from csai_sdk import ChannelAccount as Account
from csai_sdk import ChannelError, InboundMessage, PluginContext, Polled
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.channel import ADDRESS, Coop, Pigeon, Pigeonry, open_coop, said
from tests.support.server import ServerFactory

TABLES: tuple[type[Base], ...] = (ChannelContact, ChannelThread, ChannelInbound, ChannelOutbound)
DAY_S = 86_400


class Vouched(Pigeon):
    is_address_verified = True


class Watched(Pigeon):
    """Its news are looked for: a list of messages, the cursor is how many were seen."""

    poll_every_s = 60.0

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[InboundMessage] = []
        self.looks: list[Any] = []
        self.fault: Exception | None = None

    async def poll(self, cursor: Any, account: Account, ctx: PluginContext) -> Polled:
        self.looks.append(cursor)
        if self.fault is not None:
            raise self.fault
        return Polled(self.letters[(cursor or 0) :], len(self.letters))


class Scenery:
    def __init__(self, make_server: ServerFactory) -> None:
        self._make_server = make_server
        self.clock = FakeClock(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))

    async def coop(self, pigeon: Pigeon) -> Coop:
        server = await self._make_server(
            ScriptedProvider(["Hello!"], is_endless=True),
            plugins={"pigeonry": Pigeonry(pigeon)},
            clock=self.clock,
        )
        return await open_coop(server, pigeon)


@pytest.fixture
def scenery(make_server: ServerFactory) -> Scenery:
    return Scenery(make_server)


async def retain(coop: Coop) -> None:
    services = coop.server.services
    retention = Retention(
        settings=services.settings, database=services.database, clock=services.clock, archive=None
    )
    await retention.run(coop.server.client.id)


async def test_messages_of_channels_go_after_thirty_days(scenery: Scenery) -> None:
    coop = await scenery.coop(Pigeon())
    await coop.deliver(said("Hi", sender_name="Dana"))
    await coop.work()
    scenery.clock.advance(29 * DAY_S)
    await retain(coop)
    assert [len(await coop.server.rows(table)) for table in TABLES] == [1, 1, 1, 1]
    scenery.clock.advance(3 * DAY_S)
    await retain(coop)
    assert [len(await coop.server.rows(table)) for table in TABLES] == [0, 0, 0, 0]


async def test_a_wish_to_hear_no_more_outlives_the_messages(scenery: Scenery) -> None:
    coop = await scenery.coop(Pigeon())
    await coop.deliver(said("stop", sender_name="Dana"))
    await coop.work()
    scenery.clock.advance(100 * DAY_S)
    await retain(coop)
    (contact,) = await coop.server.rows(ChannelContact)
    assert (contact["address"], contact["name"]) == (ADDRESS, "")
    assert await coop.server.rows(ChannelInbound) == []


async def test_an_erased_visitor_is_nowhere_on_the_channel(scenery: Scenery) -> None:
    coop = await scenery.coop(Vouched())
    await coop.deliver(said("My secret", sender_name="Dana"))
    await coop.work()
    await coop.deliver(said("Another", "m-2", address="+3545550999"))
    await coop.work()
    subject = Subject(external_id=f"pigeon:{ADDRESS}")
    outcome = await coop.server.services.erasures.erase(coop.server.client.id, subject)
    assert outcome.status == "erased"
    stored = repr([await coop.server.rows(table) for table in TABLES])
    assert not any(word in stored for word in ("My secret", "Dana", ADDRESS))
    assert "+3545550999" in stored


async def test_an_erased_session_leaves_no_words_and_is_not_answered_again(scenery: Scenery) -> None:
    coop = await scenery.coop(Pigeon())
    await coop.deliver(said("My secret", sender_name="Dana"))
    await coop.work()
    (thread,) = await coop.server.rows(ChannelThread)
    subject = Subject(session_id=thread["session_id"])
    await coop.server.services.erasures.erase(coop.server.client.id, subject)
    stored = repr([await coop.server.rows(table) for table in TABLES])
    assert not any(word in stored for word in ("My secret", "Dana", "Hello!"))
    await coop.deliver(said("My secret"))
    await coop.work()
    assert coop.texts == ["Hello!"]


async def look(coop: Coop) -> None:
    async with coop.server.services.database.write() as transaction:
        await transaction.execute(
            update(ChannelAccount).values(next_poll_at=coop.server.services.clock.now())
        )
    await coop.work()


async def test_news_that_are_looked_for_are_answered_once(scenery: Scenery) -> None:
    pigeon = Watched()
    coop = await scenery.coop(pigeon)
    pigeon.letters = [InboundMessage("l-1", "dana@example.com", "Hi", thread="t-1", subject="Order")]
    await look(coop)
    scenery.clock.advance(61)
    pigeon.letters.append(InboundMessage("l-1", "dana@example.com", "Hi", thread="t-1"))
    await coop.work()
    assert pigeon.looks == [None, 1]
    assert [(each.text, each.thread, each.subject) for each in pigeon.sent] == [("Hello!", "t-1", "Order")]


async def test_a_look_that_fails_is_noted_and_repeated_later(scenery: Scenery) -> None:
    pigeon = Watched()
    coop = await scenery.coop(pigeon)
    pigeon.fault = ChannelError("the mailbox is locked")
    await look(coop)
    (account,) = await coop.server.rows(ChannelAccount)
    assert account["fault"] == "the mailbox is locked"
    scenery.clock.advance(120)
    await coop.work()
    assert len(pigeon.looks) == 1
    pigeon.fault = None
    scenery.clock.advance(121)
    await coop.work()
    (account,) = await coop.server.rows(ChannelAccount)
    assert (len(pigeon.looks), account["fault"]) == (2, None)
