"""What vendors, visitors and crashes may do to a channel without doubling, losing or stopping anything."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import csai_locale_hebrew
import pytest
from csai.channels.answering import MAX_ATTEMPTS
from csai.models import ChannelContact, ChannelInbound, ChannelOutbound, ChannelThread, Message, Turn
from csai.privacy.erasure_repository import Subject
from csai.privacy.export import export_of
from csai_sdk import ChannelAccount, ChannelError, InboundMessage, Media, PluginContext
from csai_testkit.context import FakeClock
from csai_testkit.scripted import ScriptedProvider
from sqlalchemy import update

from tests.support.channel import ADDRESS, Coop, Pigeon, Pigeonry, open_coop, said, status
from tests.support.server import ServerFactory

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR_S = 3_600


class CoopFactory:
    def __init__(self, make_server: ServerFactory) -> None:
        self._make_server = make_server
        self.clock = FakeClock(NOW)

    async def __call__(self, text: str = "Hello!", *, pigeon: Pigeon | None = None, **server: Any) -> Coop:
        pigeon = pigeon or Pigeon()
        made = await self._make_server(
            ScriptedProvider([text], is_endless=True),
            plugins={"pigeonry": Pigeonry(pigeon), "hebrew": csai_locale_hebrew},
            clock=self.clock,
            **server,
        )
        return await open_coop(made, pigeon)


@pytest.fixture
def make_coop(make_server: ServerFactory) -> CoopFactory:
    return CoopFactory(make_server)


async def states(coop: Coop) -> list[str]:
    rows = await coop.server.rows(ChannelOutbound)
    return [row["status"] for row in sorted(rows, key=lambda row: row["id"])]


async def test_signs_that_no_database_takes_are_stored_as_others(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    odd = "a\x00\ud800b"
    files = [{"kind": "document", "ref": odd, "mime_type": odd, "name": odd, "size_bytes": 1}]
    told = said(odd, odd, sender_name=odd, media=files, thread=odd, subject=odd, references=[odd])
    assert (await coop.deliver(told)).status_code == 200
    assert (await coop.deliver(told)).status_code == 200
    await coop.work()
    assert len(await coop.server.rows(ChannelInbound)) == 1
    assert coop.texts == ["Hello!"]
    (sent,) = coop.pigeon.sent
    assert not any("\x00" in each for each in (sent.in_reply_to, *sent.references, sent.thread))


@pytest.mark.parametrize("told", [{"address": 5}, {"message_id": ["a"]}, {"text": None}, {"media": None}])
async def test_what_is_of_no_sense_is_refused_and_stops_nobody(make_coop: CoopFactory, told: Any) -> None:
    coop = await make_coop()
    answer = await coop.deliver(said("Hi") | told)
    assert answer.status_code in (400, 401, 500)
    assert await coop.server.rows(ChannelInbound) == []
    await coop.deliver(said("Hi", "m-2"))
    await coop.work()
    assert coop.texts == ["Hello!"]


async def test_an_account_is_of_its_own_channel_and_client(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    other_client = await coop.server.add_client()
    other = await open_coop(coop.server, coop.pigeon, client_id=other_client.id, secret="another secret")
    elsewhere = coop.path.replace("/pigeon/", "/messenger/")
    assert (await coop.server.http.post(elsewhere, content=b"[]")).status_code == 404
    assert (await other.deliver(said("Hi"))).status_code == 401, "signed with the first one's secret"
    await coop.deliver(said("Hi"))
    await coop.work()
    (piece,) = await coop.server.rows(ChannelOutbound)
    forged = status("sent-1", "failed", reference=piece["id"], is_opted_out=True)
    assert (await other.deliver(forged, secret="another secret")).status_code == 200
    beside = await open_coop(coop.server, coop.pigeon)
    assert (await beside.deliver(forged)).status_code == 200
    assert await states(coop) == ["sent"]
    assert [row["opted_out_at"] for row in await coop.server.rows(ChannelContact)] == [None]


async def test_statuses_in_any_order_and_from_all_sides_end_at_the_furthest(make_coop: CoopFactory) -> None:
    coop = await make_coop(" ".join(f"This is sentence number {number}." for number in range(20)))
    await coop.deliver(said("Hi"))
    await coop.work()
    ids = [f"sent-{number + 1}" for number in range(len(coop.texts))]
    told = [status(each, what) for each in ids for what in ("read", "sent", "delivered")]
    await asyncio.gather(*(coop.deliver(*order) for _ in range(5) for order in (told, told[::-1])))
    assert set(await states(coop)) == {"read"}


async def test_what_was_read_up_to_a_moment_is_read(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    for number in (1, 2):
        await coop.deliver(said("Hi", f"m-{number}"), said("Hi", f"o-{number}", address="+1555"))
        await coop.work()
        make_coop.clock.advance(60)
    until = (NOW + timedelta(seconds=30)).isoformat()
    await coop.deliver(status("sent-3", "delivered"), status("sent-4", "delivered"))
    await coop.deliver({"kind": "receipt", "address": ADDRESS, "status": "read", "until": until})
    rows = sorted(await coop.server.rows(ChannelOutbound), key=lambda row: row["id"])
    contacts = {row["id"]: row["address"] for row in await coop.server.rows(ChannelContact)}
    threads = {row["id"]: contacts[row["contact_id"]] for row in await coop.server.rows(ChannelThread)}
    read = [(threads[row["thread_id"]], row["created_at"]) for row in rows if row["status"] == "read"]
    assert read == [(ADDRESS, NOW)]
    assert len(rows) == 4


@pytest.mark.parametrize("wait_s", [1e300, 10_000_000.0])
async def test_a_vendor_that_asks_for_ages_is_asked_again_within_a_day(
    make_coop: CoopFactory, wait_s: float
) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("later", fault="busy", retry_after_s=wait_s)]
    await coop.deliver(said("Hi"))
    await coop.work()
    assert await states(coop) == ["pending"]
    make_coop.clock.advance(24 * HOUR_S)
    await coop.work()
    assert coop.texts == ["Hello!"]


async def test_what_waited_at_a_stop_is_not_sent_after_a_start_either(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("later", fault="busy")]
    for number, words in enumerate(("Hi", "stop", "start")):
        await coop.deliver(said(words, f"m-{number}"))
        await coop.work()
    make_coop.clock.advance(HOUR_S)
    await coop.work()
    assert "Hello!" not in coop.texts


async def test_not_even_a_teammate_writes_to_who_wants_no_messages(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    for number, words in enumerate(("Hi", "stop")):
        await coop.deliver(said(words, f"m-{number}"))
        await coop.work()
    (thread,) = await coop.server.rows(ChannelThread)
    headers = {"X-API-Key": coop.server.client.secret_key}
    session = {"session_id": thread["session_id"]}
    for path, more in (
        ("state", {"state": "teammate"}),
        ("reply", {"message": "Ada here", "message_id": "t"}),
    ):
        answer = await coop.server.http.post(f"/chat/{path}", json=session | more, headers=headers)
        assert answer.status_code == 200, answer.text
    await coop.work()
    assert "Ada here" not in coop.texts
    assert (await states(coop))[-1] == "failed"


async def test_a_vendor_too_busy_to_say_what_became_of_a_message_is_not_asked_again(
    make_coop: CoopFactory,
) -> None:
    coop = await make_coop()
    coop.pigeon.outcomes = [ChannelError("gateway error", fault="busy", is_outcome_known=False)]
    await coop.deliver(said("Hi"))
    await coop.work()
    make_coop.clock.advance(HOUR_S)
    await coop.work()
    assert coop.texts == []
    assert await states(coop) == ["unknown"]


async def test_a_window_that_closes_within_an_answer_leaves_its_rest_to_the_template(
    make_coop: CoopFactory,
) -> None:
    coop = await make_coop(" ".join(f"Sentence {number}." for number in range(40)))
    await coop.deliver(said("Hi"))
    coop.pigeon.outcomes = [lambda: coop.pigeon.modes.update(ai="template")]
    await coop.work()
    first, rest = coop.pigeon.sent
    assert (first.mode, rest.mode) == ("text", "template")
    assert f"{first.text} {' '.join(rest.text.split())}" == " ".join(f"Sentence {n}." for n in range(40))
    assert set(await states(coop)) == {"sent"}


async def test_the_window_is_counted_from_when_the_visitor_wrote(make_coop: CoopFactory) -> None:
    coop = await make_coop()
    await coop.deliver(said("Hi", sent_at=(NOW - timedelta(hours=20)).isoformat()))
    await coop.deliver(said("Hi", "m-0", sent_at=(NOW - timedelta(hours=30)).isoformat()))
    await coop.deliver(said("Hi", "m-9", address="+1555", sent_at=(NOW + timedelta(hours=9)).isoformat()))
    await coop.work()
    assert sorted(map(str, coop.pigeon.silences)) == ["0:00:00", "20:00:00", "20:00:00"]
    assert max(row["heard_at"] for row in await coop.server.rows(ChannelContact)) == NOW


async def test_an_attempt_after_a_crash_is_the_same_turn_though_a_file_is_gone(
    make_coop: CoopFactory,
) -> None:
    class Forgetful(Pigeon):
        """Files can be fetched once, and the process dies between the first turn and its answer's way out."""

        fetches = 0
        deaths = 0

        def format(self, text: str) -> str:
            self.deaths += 1
            if self.deaths == 1:
                raise KeyboardInterrupt
            return text

        async def fetch(
            self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
        ) -> bytes:
            self.fetches += 1
            if self.fetches > 1:
                raise ChannelError("the file is gone")
            return b"the words"

    coop = await make_coop(pigeon=Forgetful())
    files = [{"kind": "document", "ref": "d-1", "mime_type": "text/plain", "size_bytes": 9}]
    await coop.deliver(said("Look", media=files))
    work = coop.server.services.channels
    (task,) = await work.claim()
    with pytest.raises(KeyboardInterrupt):
        await work.do(task.kind, task.client_id, task.item_id, task.number)
    assert await work.do(task.kind, task.client_id, task.item_id, task.number) == "done"
    await coop.work()
    assert coop.texts == ["Hello!"]
    assert len(await coop.server.rows(Turn)) == 1
    assert (await coop.server.rows(Message))[0]["content"].endswith("the words")


async def test_a_message_that_breaks_every_attempt_is_given_up(make_coop: CoopFactory) -> None:
    class Broken(Pigeon):
        def format(self, text: str) -> str:
            raise ValueError("no such format")

    coop = await make_coop(pigeon=Broken())
    await coop.deliver(said("Hi"))
    work = coop.server.services.channels
    tried = 0
    for _ in range(MAX_ATTEMPTS + 5):
        for task in await work.claim():
            tried += 1
            with contextlib.suppress(ValueError):
                await work.do(task.kind, task.client_id, task.item_id, task.number)
        make_coop.clock.advance(HOUR_S)
    assert tried == MAX_ATTEMPTS + 1
    assert [row["status"] for row in await coop.server.rows(ChannelInbound)] == ["refused"]
    assert len(await coop.server.rows(Turn)) == 1


async def test_two_machines_do_not_write_to_each_other_for_ever(make_coop: CoopFactory) -> None:
    class Guarded(Pigeon):
        answers_per_hour = 3

    coop = await make_coop(pigeon=Guarded())
    for number in range(6):
        await coop.deliver(said("We have got your request.", f"m-{number}"))
        await coop.work()
    await coop.deliver(said("Hi", "o-1", address="+1555"))
    await coop.work()
    assert len(coop.texts) == 4
    inbox = {row["vendor_id"]: row["status"] for row in await coop.server.rows(ChannelInbound)}
    assert [inbox[f"m-{number}"] for number in range(6)] == ["done"] * 3 + ["refused"] * 3
    make_coop.clock.advance(HOUR_S)
    await coop.deliver(said("Hi", "m-7"))
    await coop.work()
    assert len(coop.texts) == 5


async def test_a_vendor_that_hangs_at_a_courtesy_delays_no_answer(make_coop: CoopFactory) -> None:
    class Slow(Pigeon):
        async def seen(self, message: InboundMessage, account: ChannelAccount, ctx: PluginContext) -> None:
            raise TimeoutError

    coop = await make_coop(pigeon=Slow())
    await coop.deliver(said("Hi"))
    await coop.work()
    assert coop.texts == ["Hello!"]


@pytest.mark.parametrize("consent", ["stop", "help", None])
async def test_where_the_vendor_answers_a_wish_the_server_does_not(
    make_coop: CoopFactory, consent: str | None
) -> None:
    class Answering(Pigeon):
        answers_consent = True

    coop = await make_coop(pigeon=Answering())
    await coop.deliver(said("הסר" if consent != "help" else "עזרה", consent=consent))
    await coop.work()
    assert len(coop.texts) == (consent is None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("הסר", "לא תקבלו"),
        ("stop", "you will get no more messages"),
        ("עזרה", "העוזר של Shop"),
    ],
)
async def test_a_wish_is_answered_in_its_own_language(make_coop: CoopFactory, words: str, told: str) -> None:
    coop = await make_coop()
    await coop.deliver(said(words))
    await coop.work()
    assert told in coop.texts[0]


async def test_a_limit_is_told_in_the_visitors_language(make_coop: CoopFactory) -> None:
    coop = await make_coop(limits={"messages": 1})
    await coop.deliver(said("איפה ההזמנה שלי?"))
    await coop.work()
    await coop.deliver(said("ok?", "m-2"))
    await coop.work()
    assert coop.texts[-1] == "העוזר אינו זמין כרגע. אפשר לפנות אלינו בדרך אחרת."


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00", b"caf\xe9 \xff\xfe", b"PK\x03\x00\x00", b""])
async def test_a_file_that_is_not_what_it_says_is_named_and_not_read(
    make_coop: CoopFactory, content: bytes
) -> None:
    class Lying(Pigeon):
        async def fetch(
            self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
        ) -> bytes:
            return content

    coop = await make_coop(pigeon=Lying())
    await coop.deliver(said("Look", media=[{"kind": "document", "ref": "d", "mime_type": "text/plain"}]))
    await coop.work()
    assert (await coop.server.rows(Message))[0]["content"] == "Look\n\n[Attached: document (text/plain)]"


async def test_an_export_tells_of_channels_too(make_coop: CoopFactory) -> None:
    class Vouched(Pigeon):
        is_address_verified = True

    coop = await make_coop(pigeon=Vouched())
    await coop.deliver(said("Where is it?", sender_name="Dana", subject="Order"))
    await coop.deliver(said("Not mine", "m-2", address="+1555"))
    await coop.work()
    other = await coop.server.add_client()
    async with coop.server.services.database.read() as connection:
        found = await export_of(connection, coop.server.client.id, Subject(external_id=f"pigeon:{ADDRESS}"))
        foreign = await export_of(connection, other.id, Subject(external_id=f"pigeon:{ADDRESS}"))
        session_id = found["conversations"][0]["session_id"]
        by_session = await export_of(connection, coop.server.client.id, Subject(session_id=session_id))
    (contact,) = found["channels"]
    assert (contact["channel"], contact["address"], contact["name"]) == ("pigeon", ADDRESS, "Dana")
    assert [each["text"] for each in contact["messages"]] == ["Where is it?"]
    assert [(each["text"], each["status"]) for each in contact["answers"]] == [("Hello!", "sent")]
    assert by_session["channels"] == found["channels"]
    assert foreign["channels"] == []


async def test_a_delivery_that_is_played_again_after_all_is_forgotten_is_passed_over(
    make_coop: CoopFactory,
) -> None:
    coop = await make_coop()
    told = said("Hi", sent_at=NOW.isoformat())
    await coop.deliver(told)
    await coop.work()
    make_coop.clock.advance(31 * 24 * HOUR_S)
    async with coop.server.services.database.write() as transaction:
        await transaction.execute(update(ChannelInbound).values(dedupe_key="gone"))
    await coop.deliver(told)
    await coop.work()
    assert coop.texts == ["Hello!"]
