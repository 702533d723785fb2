"""Mail delivered by a provider: signed as the provider signs, in its own form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from csai_channel_email.channel import EmailChannel
from csai_channel_email.settings import MailAccount
from csai_sdk import (
    ChannelAccount,
    ChannelNews,
    DeliveryStatus,
    InboundMessage,
    OutboundMessage,
    WebhookForged,
    WebhookRequest,
)
from csai_testkit.context import FakeClock, make_context

from plugins.channels.email.tests.mail_servers import open_post_office

SECRET = "a-webhook-secret"
URL = "https://csai.example/channels/email/account/webhook"
CLOCK = FakeClock()


def account(inbound: str, **given: Any) -> ChannelAccount:
    values = {"address": "help@shop.example", "inbound": inbound, "webhook_secret": SECRET, **given}
    return ChannelAccount("account-1", MailAccount.model_validate(values))


async def receive(
    inbound: str, headers: Mapping[str, str], body: bytes, **given: Any
) -> Sequence[ChannelNews]:
    request = WebhookRequest("POST", URL, headers, body)
    return await EmailChannel().receive(request, account(inbound, **given), make_context(clock=CLOCK))


def mailgun_signature(*, age_s: int = 0, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(CLOCK.now().timestamp()) - age_s)
    token = "50b5b0a5e4a1a1a2b2c3d4e5f60718293a4b5c6d7e8f901234"
    signed = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": signed}


def mailgun_fields(**given: str) -> dict[str, str]:
    return {
        "recipient": "help@shop.example",
        "sender": "ann@visitor.example",
        "from": "Ann Visitor <ann@visitor.example>",
        "subject": "Re: My order",
        "body-plain": "Where is it?\r\n\r\nOn Tue, 3 Nov 2026, The Shop wrote:\r\n> Hello",
        "stripped-text": "Where is it?",
        "Message-Id": "<one@visitor.example>",
        "message-headers": json.dumps(
            [["References", "<zero@visitor.example>"], ["Subject", "Re: My order"]]
        ),
        **mailgun_signature(),
        **given,
    }


def multipart(
    fields: Mapping[str, str], files: Mapping[str, tuple[str, str, bytes]]
) -> tuple[dict[str, str], bytes]:
    body = b""
    for name, value in fields.items():
        body += f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for name, (file, kind, content) in files.items():
        head = f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
        body += f"{head}Content-Type: {kind}\r\n\r\n".encode() + content + b"\r\n"
    return {"content-type": "multipart/form-data; boundary=edge"}, body + b"--edge--\r\n"


FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_mailguns_form_is_a_visitors_message() -> None:
    (message,) = await receive("mailgun", FORM, urlencode(mailgun_fields()).encode())
    assert isinstance(message, InboundMessage)
    assert (message.message_id, message.address, message.sender_name, message.text) == (
        "<one@visitor.example>",
        "ann@visitor.example",
        "Ann Visitor",
        "Where is it?",
    )
    assert (message.subject, message.references) == ("Re: My order", ("<zero@visitor.example>",))


async def test_mailguns_form_with_files_names_them() -> None:
    headers, body = multipart(
        mailgun_fields(), {"attachment-1": ("cup.png", "image/png", b"\x89PNG\r\n\x00")}
    )
    (message,) = await receive("mailgun", headers, body)
    assert isinstance(message, InboundMessage)
    assert message.text == "Where is it?"
    (file,) = message.media
    assert (file.kind, file.name, file.mime_type) == ("image", "cup.png", "image/png")


async def test_mailguns_whole_message_is_read_as_a_mail() -> None:
    mime = "From: ann@visitor.example\r\nMessage-ID: <m@visitor.example>\r\nSubject: x\r\n\r\nCaf\u00e9?\r\n"
    fields = {**mailgun_signature(), "body-mime": mime}
    (message,) = await receive("mailgun", FORM, urlencode(fields).encode())
    assert isinstance(message, InboundMessage)
    assert message.message_id == "<m@visitor.example>"


@pytest.mark.parametrize(
    "fields",
    [
        mailgun_fields(signature="0" * 64),
        mailgun_fields(token=""),
        mailgun_fields(timestamp="never"),
        mailgun_fields(**mailgun_signature(age_s=400)),
        mailgun_fields(**mailgun_signature(age_s=-400)),
        mailgun_fields(**mailgun_signature(secret="another")),
        {"from": "ann@visitor.example"},
    ],
)
async def test_what_mailgun_did_not_sign_now_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(WebhookForged):
        await receive("mailgun", FORM, urlencode(fields).encode())


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"event": "delivered"}, [DeliveryStatus("<a@shop.example>", "delivered")]),
        (
            {"event": "failed", "severity": "permanent", "delivery-status": {"code": 550}},
            [DeliveryStatus("<a@shop.example>", "failed", code="550")],
        ),
        ({"event": "failed", "severity": "temporary"}, []),
        ({"event": "complained"}, [DeliveryStatus("<a@shop.example>", "read", is_opted_out=True)]),
        ({"event": "clicked"}, []),
    ],
)
async def test_mailguns_events_say_what_became_of_an_answer(
    event: dict[str, Any], expected: list[DeliveryStatus]
) -> None:
    said = {
        "signature": mailgun_signature(),
        "event-data": {**event, "message": {"headers": {"message-id": "a@shop.example"}}},
    }
    body = json.dumps(said).encode()
    assert await receive("mailgun", {"content-type": "application/json"}, body) == expected


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"csai:{password}".encode()).decode()}


POSTMARK = {
    "FromName": "Ann Visitor",
    "From": "ann@visitor.example",
    "FromFull": {"Email": "ann@visitor.example", "Name": "Ann Visitor", "MailboxHash": ""},
    "To": "help@shop.example",
    "Subject": "My order",
    "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
    "Date": "Tue, 3 Nov 2026 16:45:32 -0400",
    "TextBody": "Where is it?\n\n-- \nAnn",
    "HtmlBody": "<p>Where is it?</p>",
    "Headers": [
        {"Name": "Message-ID", "Value": "<one@visitor.example>"},
        {"Name": "X-Spam-Status", "Value": "No"},
        {"Name": "In-Reply-To", "Value": "<zero@shop.example>"},
    ],
    "Attachments": [
        {"Name": "cup.png", "Content": "iVBORw0KGgo=", "ContentType": "image/png", "ContentLength": 8},
    ],
}


async def test_postmarks_delivery_is_a_visitors_message() -> None:
    (message,) = await receive("postmark", basic(SECRET), json.dumps(POSTMARK).encode())
    assert isinstance(message, InboundMessage)
    assert (message.message_id, message.address, message.text) == (
        "<one@visitor.example>",
        "ann@visitor.example",
        "Where is it?",
    )
    assert message.references == ("<zero@shop.example>",)
    assert [(file.name, file.size_bytes) for file in message.media] == [("cup.png", 8)]


async def test_a_programs_mail_is_not_answered_however_it_comes() -> None:
    said = {**POSTMARK, "Headers": [{"Name": "Auto-Submitted", "Value": "auto-replied"}]}
    assert await receive("postmark", basic(SECRET), json.dumps(said).encode()) == []


async def test_a_page_alone_is_read_as_text() -> None:
    said = {**POSTMARK, "TextBody": ""}
    (message,) = await receive("postmark", basic(SECRET), json.dumps(said).encode())
    assert isinstance(message, InboundMessage)
    assert message.text == "Where is it?"


@pytest.mark.parametrize(
    "headers", [basic("another"), basic(""), {}, {"authorization": "Basic %%%"}, {"authorization": SECRET}]
)
async def test_who_does_not_know_postmarks_password_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookForged):
        await receive("postmark", headers, json.dumps(POSTMARK).encode())


async def test_postmarks_bounce_finds_the_answer_by_what_it_was_sent_with() -> None:
    async with open_post_office(password="") as office:
        given = account("postmark", smtp_host="127.0.0.1", smtp_port=office.port, smtp_security="none")
        sent = OutboundMessage("message-1", "ann@visitor.example", "Hi")
        await EmailChannel().send(sent, given, make_context())
        (envelope,) = office.taken
    assert isinstance(envelope.content, bytes)
    assert b"X-PM-Metadata-csai: message-1" in envelope.content
    bounce = {
        "RecordType": "Bounce",
        "Type": "HardBounce",
        "MessageID": "pm-1",
        "Metadata": {"csai": "message-1"},
    }
    (status,) = await receive("postmark", basic(SECRET), json.dumps(bounce).encode())
    assert status == DeliveryStatus("pm-1", "failed", reference="message-1", code="HardBounce")


@pytest.mark.parametrize("inbound", ["mailgun", "postmark", "raw"])
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_nonsense_is_refused(inbound: str, body: bytes) -> None:
    with pytest.raises(WebhookForged):
        await receive(inbound, {**basic(SECRET), "content-type": "application/json"}, body)


async def test_a_mailbox_that_is_looked_into_takes_no_webhook() -> None:
    with pytest.raises(WebhookForged):
        await receive("imap", basic(SECRET), json.dumps(POSTMARK).encode())
