"""A mail is read as its writer meant it, and what no person wrote is not answered."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from csai_channel_email.news import news_of
from csai_channel_email.settings import MailAccount
from csai_channel_email.writing import mail_for
from csai_sdk import DeliveryStatus, OutboundMessage

from plugins.channels.email.tests.mails import account, mail


def read(content: bytes) -> list[Any]:
    return list(news_of(content, "help@shop.example", lambda attachment: f"ref-{attachment.index}"))


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
