"""A teammate answers a visitor who has left the page and an address: it is mailed there, once."""

from __future__ import annotations

import asyncio
from typing import Any

import csai_locale_hebrew
import pytest
from csai.clients.repository import ClientRepository
from csai.kit.identifier import new_id
from csai.models import (
    ChannelAccount,
    ChannelContact,
    ChannelOutbound,
    ChannelThread,
    Conversation,
    FollowUp,
    Message,
)
from csai.privacy.erasure_repository import Subject
from csai.privacy.export import export_of
from csai.privacy.retention import Retention
from csai_sdk import ChannelAccount as Account
from csai_sdk import OutboundMessage, PluginContext
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.channel import Coop, Pigeon, Pigeonry, open_coop, said
from tests.support.server import ServerFactory

EMAIL = "Ada.L@example.com"
AFTER_S = 300
DAY_S = 86_400
PATIENCE_S = 60


class MailPigeon(Pigeon):
    is_mail = True
    max_chars = 10_000


class Desk:
    """A visitor in the widget, a teammate who has their conversation, and a mailbox of the client."""

    def __init__(self, coop: Coop, clock: FakeClock, answer: Any) -> None:
        self.coop, self.server, self.clock, self.answer = coop, coop.server, clock, answer

    async def leave_address(self, email: str = EMAIL) -> None:
        asked = await self.server.http.post(
            "/chat/handoff",
            json={"session_id": self.answer["session_id"], "email": email},
            headers=self.server.as_page(self.answer),
        )
        assert asked.status_code == 200, asked.text
        await self.as_server("state", state="teammate", teammate="Dana")

    async def as_server(self, path: str, **body: Any) -> None:
        done = await self.server.http.post(
            f"/chat/{path}",
            json={"session_id": self.answer["session_id"], **body},
            headers={"X-API-Key": self.server.client.secret_key},
        )
        assert done.status_code == 200, done.text

    async def reply(self, text: str) -> None:
        await self.as_server("reply", message=text)

    async def say(self, text: str) -> None:
        """As the visitor, in the widget."""
        headers = {**self.server.as_page(self.answer), "Idempotency-Key": new_id()}
        body = {"message": text, "session_id": self.answer["session_id"]}
        said = await self.server.http.post("/chat/message", json=body, headers=headers)
        assert said.status_code == 200, said.text

    async def read_history(self, **headers: str) -> None:
        path = f"/chat/history/{self.answer['session_id']}"
        read = await self.server.http.get(path, headers=headers or self.server.as_page(self.answer))
        assert read.status_code == 200, read.text

    async def wait(self, seconds: float = AFTER_S) -> list[str]:
        """Time passes, and what is due is done; all that was mailed until then."""
        self.clock.advance(seconds)
        await self.server.services.follow_ups.send_due()
        await self.coop.work()
        return self.coop.texts


class DeskFactory:
    def __init__(self, make_server: ServerFactory) -> None:
        self._make_server = make_server
        self.clock = FakeClock()

    async def __call__(self, pigeon: Pigeon | None = None, *, first: str = "Hi") -> Desk:
        pigeon = pigeon or MailPigeon()
        server = await self._make_server(
            ScriptedProvider(["Hello!"], is_endless=True),
            plugins={"pigeonry": Pigeonry(pigeon), "hebrew": csai_locale_hebrew},
            clock=self.clock,
        )
        begun = await server.http.post(
            "/chat/message",
            json={"message": first},
            headers={**server.as_page(), "Idempotency-Key": new_id()},
        )
        assert begun.status_code == 200, begun.text
        return Desk(await open_coop(server, pigeon), self.clock, begun.json())


@pytest.fixture
def make_desk(make_server: ServerFactory) -> DeskFactory:
    return DeskFactory(make_server)


@pytest.fixture
async def desk(make_desk: DeskFactory) -> Desk:
    return await make_desk()


async def test_what_was_not_read_in_time_is_mailed_once_and_together(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left **today**.")
    desk.clock.advance(60)
    await desk.reply("Here is its number: 17.")

    assert await desk.wait(AFTER_S - 61) == []
    await desk.wait(1)
    await desk.wait(DAY_S)

    (mail,) = desk.coop.pigeon.sent
    assert mail.text == (
        "You asked us something in the chat of Shop, and left this address. Here is our answer:\n\n"
        "It left **today**.\n\nHere is its number: 17.\n\n"
        "To go on, reply to this mail, or come back to the chat on our site."
    )
    assert (mail.address, mail.author, mail.subject, mail.in_reply_to) == (
        EMAIL.lower(),
        "teammate",
        "An answer from Shop",
        "",
    )
    assert await desk.server.rows(FollowUp) == []


async def test_what_is_said_later_is_another_mail_of_the_same_thread(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("One.")
    await desk.wait()
    await desk.reply("Two.")
    await desk.wait()
    first, second = desk.coop.pigeon.sent
    assert ("One." in first.text, "One." in second.text, "Two." in second.text) == (True, False, True)
    assert first.thread == second.thread
    assert len(first.thread) == 16


async def test_a_visitor_who_came_back_and_read_it_gets_no_mail(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left today.")
    await desk.read_history()
    assert await desk.wait() == []


async def test_what_is_said_after_that_has_its_own_time(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("One.")
    await desk.read_history()
    await desk.say("And then?")
    desk.clock.advance(AFTER_S - 1)
    await desk.reply("Two.")
    assert await desk.wait(1) == []
    (text,) = await desk.wait(AFTER_S)
    assert "One." not in text
    assert "Two." in text


async def test_what_was_said_before_the_end_is_mailed_after_it(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left today. Good bye!")
    await desk.as_server("state", state="closed")
    assert len(await desk.wait()) == 1


async def test_that_the_client_s_server_read_it_does_not_count(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left today.")
    await desk.read_history(**{"X-API-Key": desk.server.client.secret_key})
    assert len(await desk.wait()) == 1


async def test_who_left_no_address_gets_no_mail(desk: Desk) -> None:
    await desk.as_server("state", state="teammate", teammate="Dana")
    await desk.reply("Hello?")
    assert await desk.server.rows(FollowUp) == []
    assert await desk.wait() == []


async def test_a_client_that_has_switched_it_off_mails_nobody(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("Hello?")
    async with desk.server.services.database.write() as transaction:
        await ClientRepository(transaction, desk.server.client.id).set_branding({"email_follow_up": False})
    assert await desk.wait() == []


async def test_without_a_mailbox_that_is_on_nothing_is_mailed_and_nothing_waits(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("Hello?")
    async with desk.server.services.database.write() as transaction:
        await transaction.execute(update(ChannelAccount).values(enabled=False))
    assert await desk.wait() == []
    assert await desk.server.rows(FollowUp) == []


async def test_other_channels_are_not_written_to(make_desk: DeskFactory) -> None:
    desk = await make_desk(Pigeon())
    await desk.leave_address()
    await desk.reply("Hello?")
    assert await desk.wait() == []


async def test_an_answer_to_the_mail_goes_on_with_the_conversation_and_is_answered_by_mail(
    desk: Desk,
) -> None:
    await desk.leave_address()
    await desk.reply("Which order is it?")
    await desk.wait()
    (mail,) = desk.coop.pigeon.sent
    await desk.coop.deliver(said("ORD-1001", address=mail.address, thread=mail.thread, subject="Re: x"))
    await desk.coop.work()
    await desk.reply("It left today.")
    await desk.coop.work()

    (conversation,) = await desk.server.rows(Conversation)
    rows = sorted(await desk.server.rows(Message), key=lambda row: row["seq"])
    contents = [row["content"] for row in rows if row["content"]]
    assert contents == ["Hi", "Hello!", "Which order is it?", "ORD-1001", "It left today."]
    assert conversation["session_id"] == desk.answer["session_id"]
    # At once, as to anybody who writes by mail, and not once more after a while.
    assert [each.text for each in desk.coop.pigeon.sent[1:]] == ["It left today."]
    assert desk.coop.pigeon.sent[1].in_reply_to == "m-1"
    assert len(await desk.wait(DAY_S)) == 2


async def test_somebody_else_s_mail_does_not_come_into_the_conversation(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("Which order is it?")
    await desk.wait()
    (mail,) = desk.coop.pigeon.sent
    await desk.coop.deliver(said("Me too", address="eve@example.com", thread=mail.thread))
    await desk.coop.work()
    assert len(await desk.server.rows(Conversation)) == 2


async def test_it_is_mailed_once_where_several_processes_see_it_due(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left today.")
    desk.clock.advance(AFTER_S)
    await asyncio.gather(*(desk.server.services.follow_ups.send_due() for _ in range(10)))
    await desk.coop.work()
    assert len(desk.coop.texts) == 1


async def test_it_is_in_the_visitor_s_language(make_desk: DeskFactory) -> None:
    desk = await make_desk(first="שלום, איפה ההזמנה שלי?")
    await desk.leave_address()
    await desk.reply("היא יצאה היום.")
    (text,) = await desk.wait()
    assert text.startswith("פניתם אלינו בצ׳אט של Shop")
    assert desk.coop.pigeon.sent[0].subject == "תשובה מאת Shop"


async def test_who_wants_no_mail_gets_none(desk: Desk) -> None:
    await desk.coop.deliver(said("STOP", address=EMAIL.lower()))
    await desk.coop.work()
    await desk.leave_address()
    await desk.reply("It left today.")
    assert len(await desk.wait()) == 1, "that they get no more messages, and nothing after it"


async def test_an_erased_visitor_is_not_written_to_and_not_known(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("One.")
    await desk.wait()
    await desk.reply("Two.")
    session = Subject(session_id=desk.answer["session_id"])
    async with desk.server.services.database.read() as connection:
        exported = await export_of(connection, desk.server.client.id, session)
    assert exported["channels"][0]["address"] == EMAIL.lower()
    assert "One." in exported["channels"][0]["answers"][0]["text"]

    outcome = await desk.server.services.erasures.erase(desk.server.client.id, session)

    assert outcome.status == "erased"
    assert len(await desk.wait()) == 1
    for table in (FollowUp, ChannelContact, ChannelThread, ChannelOutbound):
        assert await desk.server.rows(table) == [], table


async def test_it_goes_in_its_time(desk: Desk) -> None:
    await desk.leave_address()
    await desk.reply("It left today.")
    await desk.wait()
    desk.clock.advance(31 * DAY_S)
    services = desk.server.services
    retention = Retention(
        settings=services.settings, database=services.database, clock=services.clock, archive=None
    )
    await retention.run(desk.server.client.id)
    for table in (ChannelContact, ChannelThread, ChannelOutbound):
        assert await desk.server.rows(table) == [], table


async def test_a_worker_mails_it_without_anybody_asking(make_desk: DeskFactory) -> None:
    class Watched(MailPigeon):
        has_sent = asyncio.Event()

        async def send(self, message: OutboundMessage, account: Account, ctx: PluginContext) -> str:
            self.has_sent.set()
            return await super().send(message, account, ctx)

    pigeon = Watched()
    desk = await make_desk(pigeon)
    await desk.leave_address()
    await desk.reply("It left today.")
    desk.clock.advance(AFTER_S)
    desk.server.services.jobs.start("worker")
    async with asyncio.timeout(PATIENCE_S):
        await pigeon.has_sent.wait()
