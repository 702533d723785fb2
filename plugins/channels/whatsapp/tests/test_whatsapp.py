"""WhatsApp as Meta speaks it: what is read of deliveries, what is sent, what refusals mean."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from csai_channel_whatsapp.channel import WhatsApp
from csai_channel_whatsapp.delivery import UNREADABLE
from csai_channel_whatsapp.settings import WhatsAppAccount, WhatsAppSettings
from csai_sdk import (
    AccountNotice,
    ChannelAccount,
    ChannelError,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    PluginContext,
    WebhookForged,
    WebhookRequest,
    check_hub_signature,
)
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange, ReplayServer
from pydantic import SecretStr

from plugins.channels.whatsapp.tests.test_conformance import delivery, text

VECTORS = Path(__file__).parents[5] / "shared" / "vectors" / "signatures" / "vectors.json"
SECRET, TOKEN = "the app's secret", "the-token"
SENT = {"messages": [{"id": "wamid.1"}]}


@dataclass
class Meta:
    """A vendor on the loopback interface: checks the token, answers as told."""

    url: str = ""
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)


@pytest.fixture
def meta() -> Iterator[Meta]:
    vendor = Meta()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.reply(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def do_GET(self) -> None:
            self.reply(None)

        def reply(self, content: Any) -> None:
            vendor.asked.append((self.command, self.path, content))
            status, said = (
                vendor.answers.pop(0) if vendor.answers else (200, {"messages": [{"id": "wamid.1"}]})
            )
            if self.headers["authorization"] != f"Bearer {TOKEN}":
                status, said = 401, {"error": {"code": 190, "message": f"bad token {TOKEN}"}}
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        yield vendor
        server.shutdown()
        thread.join()


def account(**more: Any) -> ChannelAccount:
    own = {"phone_number_id": "106", "access_token": TOKEN, "app_secret": SECRET, "verify_token": "v"}
    return ChannelAccount("a", WhatsAppAccount.model_validate({**own, **more}))


def ctx_of(meta: Meta) -> PluginContext:
    return make_context(WhatsAppSettings(base_url=meta.url))


async def heard(value: Mapping[str, Any], field: str = "messages") -> list[Any]:
    return list(await WhatsApp().receive(delivery(SECRET, value, field), account(), make_context()))


async def heard_kind(kind: str, content: Any) -> InboundMessage:
    message = {"from": "3545550143", "id": "wamid.1", "timestamp": "1767323045", "type": kind, kind: content}
    (found,) = await heard({"messages": [message]})
    assert isinstance(found, InboundMessage)
    return found


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not here")
def test_a_signature_of_the_published_vector_is_genuine() -> None:
    vector = json.loads(VECTORS.read_text())["x_hub_signature_256"]
    headers = {"x-hub-signature-256": vector["signature"]}
    request = WebhookRequest("POST", "https://csai.example", headers, vector["body"].encode())
    check_hub_signature(request, SecretStr(vector["secret"]))
    with pytest.raises(WebhookForged):
        check_hub_signature(request, SecretStr("another"))


async def test_a_text_has_its_sender_and_time() -> None:
    (message,) = await heard(text("Are you open?", "wamid.1"))
    assert (message.address, message.sender_name, message.text) == ("+3545550143", "Dana", "Are you open?")
    assert message.sent_at.isoformat() == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("button", {"text": "Yes", "payload": "y"}, "Yes"),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "1", "title": "Track it"}},
            "Track it",
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "1", "title": "Size M", "description": "Blue"}},
            "Size M\nBlue",
        ),
        (
            "location",
            {"latitude": 64.1, "longitude": -21.9, "name": "Shop", "address": "Main St 1"},
            "[Location: Shop, Main St 1 (64.1, -21.9)]",
        ),
        (
            "contacts",
            [{"name": {"formatted_name": "Ada"}, "phones": [{"phone": "+354 555"}]}],
            "[Contact: Ada, +354 555]",
        ),
        ("unsupported", {}, UNREADABLE),
    ],
)
async def test_what_is_no_text_is_said_in_words(kind: str, content: Any, words: str) -> None:
    assert (await heard_kind(kind, content)).text == words


async def test_files_are_named_and_captions_are_the_text() -> None:
    content = {"id": "m1", "mime_type": "application/pdf", "filename": "bill.pdf", "caption": "My bill"}
    found = await heard_kind("document", content)
    assert (found.text, found.media) == (
        "My bill",
        (Media("document", "m1", "application/pdf", None, "bill.pdf"),),
    )


async def test_a_reaction_asks_nothing() -> None:
    reaction = {"message_id": "wamid.0", "emoji": "\U0001f44d"}
    message = {"from": "354", "id": "1", "timestamp": "1", "type": "reaction", "reaction": reaction}
    assert await heard({"messages": [message]}) == []


async def test_another_number_of_the_app_is_passed_over() -> None:
    request = delivery(SECRET, text("Hi", "wamid.1"))
    assert await WhatsApp().receive(request, account(phone_number_id="999"), make_context()) == []


async def test_a_failed_status_says_why() -> None:
    told = {
        "id": "wamid.9",
        "status": "failed",
        "biz_opaque_callback_data": "own-id",
        "errors": [{"code": 131026, "title": "Message undeliverable"}],
    }
    assert await heard({"statuses": [told]}) == [
        DeliveryStatus("wamid.9", "failed", "own-id", "131026", "Message undeliverable")
    ]


async def test_trouble_with_a_template_is_told() -> None:
    told = {"event": "PAUSED", "message_template_name": "answer"}
    (notice,) = await heard(told, "message_template_status_update")
    assert notice == AccountNotice(
        "message_template_status_update", "event PAUSED, message_template_name answer"
    )


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"entry": [{"changes": [{"field": "messages"}]}]}', b"null"])
async def test_a_signed_delivery_that_makes_no_sense_is_refused(body: bytes) -> None:
    import hashlib
    import hmac

    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    request = WebhookRequest("POST", "https://x", {"x-hub-signature-256": f"sha256={signature}"}, body)
    with pytest.raises(WebhookForged):
        await WhatsApp().receive(request, account(), make_context())


@pytest.mark.parametrize(
    "message",
    [
        {"id": 5},
        {"id": ""},
        {"from": 354},
        {"timestamp": "9" * 400},
        {"timestamp": "9" * 30},
        {"timestamp": None},
        {"type": ["text"]},
    ],
)
async def test_a_message_of_the_wrong_shape_is_refused(message: dict[str, Any]) -> None:
    good = {"from": "3545550143", "id": "wamid.1", "timestamp": "1767323045", "type": "text"}
    with pytest.raises(WebhookForged):
        await heard({"messages": [{**good, "text": {"body": "Hi"}, **message}]})


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("location", {}),
        ("interactive", {"type": "new_kind"}),
        ("order", {}),
        ("contacts", [5]),
        ("image", {}),
        ("text", {}),
    ],
)
async def test_a_message_nobody_can_read_does_not_cost_those_with_it(kind: str, content: Any) -> None:
    about = {"from": "3545550143", "timestamp": "1767323045"}
    odd = {**about, "id": "wamid.1", "type": kind, kind: content}
    good = {**about, "id": "wamid.2", "type": "text", "text": {"body": "Hi"}}
    first, second = await heard({"messages": [odd, good]})
    assert (first.text, first.media, second.text) == (UNREADABLE, (), "Hi")


async def test_an_answer_of_a_form_is_its_words() -> None:
    content = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}
    assert (await heard_kind("interactive", content)).text == "Sent"


async def test_a_sender_without_a_name_has_none() -> None:
    value = {**text("Hi", "wamid.1"), "contacts": [{"wa_id": "3545550143", "profile": {"name": None}}]}
    (message,) = await heard(value)
    assert message.sender_name == ""


@pytest.mark.parametrize("event", ["APPROVED", "UNFLAGGED", "UPGRADE"])
async def test_good_news_are_no_trouble(event: str) -> None:
    assert await heard({"event": event}, "message_template_status_update") == []


@pytest.mark.parametrize(
    "url",
    [
        "https://lookaside.fbsbx.com.evil.example/f",
        "https://lookaside.fbsbx.com@evil.example/f",
        "http://lookaside.fbsbx.com/f",
        "https://evilfbsbx.com/f",
        "http://169.254.169.254/latest",
    ],
)
async def test_the_token_goes_to_no_host_that_only_looks_like_metas(meta: Meta, url: str) -> None:
    meta.answers = [(200, {"url": url, "file_size": 1})]
    with pytest.raises(ChannelError, match="not at its vendor"):
        await WhatsApp().fetch(Media("document", "m1"), account(), ctx_of(meta), max_bytes=10)
    assert len(meta.asked) == 1


async def test_an_answer_is_sent_as_meta_wants_it(meta: Meta) -> None:
    message = OutboundMessage("own-id", "+3545550143", "Hello", in_reply_to="wamid.0")
    assert await WhatsApp().send(message, account(), ctx_of(meta)) == "wamid.1"
    assert meta.asked == [
        (
            "POST",
            "/v23.0/106/messages",
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": "3545550143",
                "biz_opaque_callback_data": "own-id",
                "type": "text",
                "text": {"preview_url": False, "body": "Hello"},
                "context": {"message_id": "wamid.0"},
            },
        )
    ]


async def test_after_a_day_the_template_carries_the_answer(meta: Meta) -> None:
    channel, own = WhatsApp(), account(template_name="answer", template_language="is")
    assert channel.sending_mode("ai", timedelta(hours=23), own) == "text"
    assert channel.sending_mode("ai", timedelta(hours=25), own) == "template"
    assert channel.sending_mode("ai", timedelta(hours=25), account()) == "never"
    message = OutboundMessage("own-id", "+354", "One\n\ntwo    " + "x" * 2_000, mode="template")
    await channel.send(message, own, ctx_of(meta))
    template = meta.asked[0][2]["template"]
    assert (template["name"], template["language"]) == ("answer", {"code": "is"})
    (words,) = template["components"][0]["parameters"]
    assert words["text"].startswith("One two xxx")
    assert len(words["text"]) == 900


@pytest.mark.parametrize(
    ("status", "said", "fault", "is_known"),
    [
        (400, {"error": {"code": 131047}}, "window_closed", True),
        (400, {"error": {"code": 130429}}, "busy", True),
        (400, {"error": {"code": 131056}}, "busy", True),
        (401, {"error": {"code": 190}}, "account", True),
        (400, {"error": {"code": 131026}}, "address", True),
        (400, {"error": {"code": 131050}}, "opted_out", True),
        (403, {"error": {"code": 200}}, "account", True),
        (400, {"error": {"code": 100}}, "refused", True),
        (500, {"error": {"code": 131000}}, "busy", True),
        (502, b"<html>", "busy", False),
        (429, b"", "busy", True),
    ],
)
async def test_a_refusal_says_what_to_do(
    meta: Meta, status: int, said: Any, fault: str, is_known: bool
) -> None:
    meta.answers = [(status, said)]
    with pytest.raises(ChannelError) as raised:
        await WhatsApp().send(OutboundMessage("1", "+354", "Hi"), account(), ctx_of(meta))
    assert (raised.value.fault, raised.value.is_outcome_known) == (fault, is_known)


async def test_a_busy_whatsapp_says_how_long_to_wait() -> None:
    busy = Exchange("POST", "/v23.0/106/messages", 429, {"retry-after": "40"}, b"")
    async with ReplayServer([busy]) as server:
        message = OutboundMessage("1", "+354", "Hi")
        with pytest.raises(ChannelError) as raised:
            await WhatsApp().send(message, account(), make_context(WhatsAppSettings(base_url=server.url)))
    assert (raised.value.fault, raised.value.retry_after_s) == ("busy", 40.0)


async def test_a_message_is_shown_as_read_while_somebody_writes(meta: Meta) -> None:
    await WhatsApp().seen(InboundMessage("wamid.1", "+354", ""), account(), ctx_of(meta))
    assert meta.asked[0][2]["status"] == "read"
    assert meta.asked[0][2]["typing_indicator"] == {"type": "text"}
    await WhatsApp().seen(InboundMessage("wamid.1", "+354", ""), account(shows_typing=False), ctx_of(meta))
    assert len(meta.asked) == 1


async def test_a_file_is_fetched_in_two_steps_within_its_limit(meta: Meta) -> None:
    where = {"url": f"{meta.url}/file", "mime_type": "text/plain", "file_size": 5}
    meta.answers = [(200, where), (200, b"words")]
    media = Media("document", "m1", "text/plain")
    assert await WhatsApp().fetch(media, account(), ctx_of(meta), max_bytes=10) == b"words"
    assert [path for _, path, _ in meta.asked] == ["/v23.0/m1", "/file"]
    for answers in ([(200, where | {"file_size": 11})], [(200, where), (200, b"x" * 11)]):
        meta.answers = list(answers)
        with pytest.raises(ChannelError, match="too large"):
            await WhatsApp().fetch(media, account(), ctx_of(meta), max_bytes=10)


async def test_the_token_goes_to_no_other_host(meta: Meta) -> None:
    meta.answers = [(200, {"url": "https://evil.example/file", "file_size": 1})]
    with pytest.raises(ChannelError, match="not at its vendor"):
        await WhatsApp().fetch(Media("document", "m1"), account(), ctx_of(meta), max_bytes=10)
    assert len(meta.asked) == 1


async def test_an_account_is_tried_without_sending(meta: Meta) -> None:
    meta.answers = [(200, {"display_phone_number": "+354 555 0143"})]
    found = await WhatsApp().check(account(), ctx_of(meta))
    assert (found.is_ok, "+354 555 0143" in found.detail) == (True, True)
    wrong = await WhatsApp().check(account(access_token="wrong"), ctx_of(meta))
    assert not wrong.is_ok
    assert TOKEN not in wrong.detail
    bare = await WhatsApp().check(ChannelAccount("a", WhatsAppAccount()), ctx_of(meta))
    assert "access_token" in bare.detail


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("**Bold** and *slanted* or _so_", "*Bold* and _slanted_ or _so_"),
        ("~~gone~~ `a*b` 2 * 3 * 4", "~gone~ `a*b` 2 * 3 * 4"),
        ("# Title\n* one\n* two", "*Title*\n- one\n- two"),
        ("[Track it](https://shop.example/a_b_c)", "Track it (https://shop.example/a_b_c)"),
        ("```python\nx = **y**\n```", "```\nx = **y**\n```"),
        ("snake_case_name https://x.example/a_b_", "snake_case_name https://x.example/a_b_"),
        ("**very *nested* words**", "*very _nested_ words*"),
    ],
)
def test_markdown_becomes_whatsapps_own(markdown: str, words: str) -> None:
    assert WhatsApp().format(markdown) == words
