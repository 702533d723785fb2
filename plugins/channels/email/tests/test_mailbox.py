"""New mail is found once, whatever lies in the mailbox and however its server behaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from email import policy
from email.message import EmailMessage

import pytest
from csai_channel_email.mailbox import MAX_MAILS
from csai_sdk import ChannelError, InboundMessage
from csai_testkit.context import FakeClock, make_context

from plugins.channels.email.tests.mail_servers import open_mailbox
from plugins.channels.email.tests.mails import CHANNEL, account, mail
from tests.support.waiting import PATIENCE_S


async def test_new_mail_is_found_once_and_old_mail_is_left_alone() -> None:
    async with open_mailbox() as mailbox:
        mailbox.add(mail("from before", Message_ID="<before@visitor.example>"))
        first = await CHANNEL.poll(None, account(mailbox), make_context())
        mailbox.add(mail())
        second = await CHANNEL.poll(first.cursor, account(mailbox), make_context())
        third = await CHANNEL.poll(second.cursor, account(mailbox), make_context())
    assert list(first.news) == list(third.news) == []
    (message,) = second.news
    assert isinstance(message, InboundMessage)
    found = (message.message_id, message.address, message.text)
    assert found == ("<one@visitor.example>", "ann@visitor.example", "Where is my order?")
    assert not any(
        command.upper().startswith(("STORE", "UID STORE", "SELECT")) for command in mailbox.commands
    )


async def test_a_server_that_keeps_its_next_uid_to_itself_is_read_too() -> None:
    async with open_mailbox(tells_next_uid=False) as mailbox:
        mailbox.add(mail("from before"))
        first = await CHANNEL.poll(None, account(mailbox), make_context())
        mailbox.add(mail(Message_ID="<two@visitor.example>"))
        second = await CHANNEL.poll(first.cursor, account(mailbox), make_context())
    assert [each.message_id for each in second.news if isinstance(each, InboundMessage)] == [
        "<two@visitor.example>"
    ]


async def test_many_mails_are_read_in_several_looks_in_their_order() -> None:
    async with open_mailbox() as mailbox:
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context())).cursor
        for number in range(MAX_MAILS + 3):
            mailbox.add(mail(Message_ID=f"<{number}@visitor.example>"))
        found = []
        for _ in range(3):
            polled = await CHANNEL.poll(cursor, account(mailbox), make_context())
            cursor = polled.cursor
            found += [each.message_id for each in polled.news if isinstance(each, InboundMessage)]
    assert found == [f"<{number}@visitor.example>" for number in range(MAX_MAILS + 3)]


async def test_of_a_folder_that_was_made_anew_only_what_is_new_is_read() -> None:
    clock = FakeClock(datetime(2026, 11, 3, 12, tzinfo=UTC))
    async with open_mailbox() as mailbox:
        for number in range(3):
            mailbox.days[mailbox.add(mail(Message_ID=f"<old-{number}@visitor.example>"))] = date(2026, 1, 5)
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context(clock=clock))).cursor
        mailbox.validity += 1
        mailbox.days[mailbox.add(mail())] = date(2026, 11, 3)
        polled = await CHANNEL.poll(cursor, account(mailbox), make_context(clock=clock))
        again = await CHANNEL.poll(polled.cursor, account(mailbox), make_context(clock=clock))
        known_no_day = {"validity": 7, "uid": 3}
        first = await CHANNEL.poll(known_no_day, account(mailbox), make_context(clock=clock))
    assert [each.message_id for each in polled.news if isinstance(each, InboundMessage)] == [
        "<one@visitor.example>"
    ]
    assert polled.cursor == {"validity": 8, "uid": 4, "day": "2026-11-03"}
    assert "UID 1:* SINCE 02-Nov-2026" in mailbox.searched
    assert list(again.news) == list(first.news) == []


async def test_large_mails_wait_for_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csai_channel_email.mailbox.MAX_LOOK_BYTES", 4_000)
    async with open_mailbox() as mailbox:
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context())).cursor
        for number in range(5):
            mailbox.add(mail("x " * 600, Message_ID=f"<{number}@visitor.example>"))
        looks = []
        for _ in range(4):
            polled = await CHANNEL.poll(cursor, account(mailbox), make_context())
            cursor = polled.cursor
            looks.append([each.message_id for each in polled.news if isinstance(each, InboundMessage)])
    assert [len(look) for look in looks] == [2, 2, 1, 0]
    assert [each for look in looks for each in look] == [f"<{number}@visitor.example>" for number in range(5)]


async def test_a_server_that_never_ends_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csai_channel_email.mailbox.MAX_SAID_BYTES", 5_000)
    async with open_mailbox() as mailbox:
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context())).cursor
        mailbox.add(mail("x" * 900 + "\n" + "y" * 5_000))
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.poll(cursor, account(mailbox), make_context())
    assert caught.value.fault == "busy"


def nested(kind: str, depth: int) -> bytes:
    head = b"From: a@b.example\r\n"
    for number in range(depth):
        if kind == "multipart":
            head += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        else:
            head += b"Content-Type: message/rfc822\r\n\r\n"
    return head + b"Content-Type: text/plain\r\n\r\nhello\r\n"


@pytest.mark.parametrize(
    "hostile",
    [
        nested("multipart", 3_000),
        nested("message", 3_000),
        b"From: a@b.example\r\nContent-Type: text/plain; " + b"(" * 3_000 + b"\r\n\r\nhello",
        b"From: " + b"(" * 3_000 + b"\r\n\r\nhello",
    ],
    ids=["multipart", "message", "type", "sender"],
)
async def test_a_mail_that_cannot_be_read_does_not_stop_those_behind_it(hostile: bytes) -> None:
    async with open_mailbox() as mailbox:
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context())).cursor
        mailbox.add(hostile)
        mailbox.add(mail())
        polled = await CHANNEL.poll(cursor, account(mailbox), make_context())
    found = [each.message_id for each in polled.news if isinstance(each, InboundMessage)]
    assert found[-1:] == ["<one@visitor.example>"]


async def test_a_wrong_password_is_for_the_admin_to_mend() -> None:
    async with open_mailbox(password="another") as mailbox:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.poll(None, account(mailbox), make_context())
    assert caught.value.fault == "account"
    assert "mailbox-password" not in str(caught.value)


async def test_a_look_that_is_cancelled_lets_go_of_the_mailbox() -> None:
    async with open_mailbox(silent_after="EXAMINE") as mailbox:
        looking = asyncio.create_task(CHANNEL.poll(None, account(mailbox), make_context()))
        await asyncio.wait_for(mailbox.asked.wait(), PATIENCE_S)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        await asyncio.wait_for(mailbox.gone.wait(), PATIENCE_S)


async def test_a_mailbox_that_is_not_there_is_tried_later() -> None:
    with pytest.raises(ChannelError) as caught:
        await CHANNEL.poll(None, account(), make_context())
    assert caught.value.fault == "busy"


async def test_an_attachment_is_named_and_can_be_fetched_while_it_lies_there() -> None:
    written = EmailMessage(policy=policy.SMTP)
    written["From"], written["Message-ID"] = "ann@visitor.example", "<file@visitor.example>"
    written.set_content("See the photo.")
    written.add_attachment(b"\x89PNG picture", maintype="image", subtype="png", filename="broken cup.png")
    async with open_mailbox() as mailbox:
        cursor = (await CHANNEL.poll(None, account(mailbox), make_context())).cursor
        uid = mailbox.add(written.as_bytes())
        (message,) = (await CHANNEL.poll(cursor, account(mailbox), make_context())).news
        assert isinstance(message, InboundMessage)
        (file,) = message.media
        fetched = await CHANNEL.fetch(file, account(mailbox), make_context(), max_bytes=100)
        with pytest.raises(ChannelError, match="too large"):
            await CHANNEL.fetch(file, account(mailbox), make_context(), max_bytes=5)
        del mailbox.mails[uid]
        with pytest.raises(ChannelError, match="gone"):
            await CHANNEL.fetch(file, account(mailbox), make_context(), max_bytes=100)
    assert (file.kind, file.name, file.mime_type, file.size_bytes) == (
        "image",
        "broken cup.png",
        "image/png",
        12,
    )
    assert fetched == b"\x89PNG picture"
