"""Text messages that are forged, odd, too large or refused, and a vendor who asks for time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from csai_channel_sms.channel import Sms
from csai_channel_sms.delivery import read, signature
from csai_channel_sms.settings import SmsAccount, SmsSettings
from csai_sdk import (
    ChannelAccount,
    ChannelError,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    WebhookForged,
    WebhookRequest,
)
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange, ReplayServer
from pydantic import ValidationError

from plugins.channels.sms.tests.test_conformance import PATH, SID, URL, delivery
from plugins.channels.sms.tests.test_sms import TOKEN, VECTORS, account

TEXT = {"MessageSid": "SM1", "From": "+3545550143", "To": "+3545550100", "Body": "Hi"}
FORM = "application/x-www-form-urlencoded"


async def receive(request: WebhookRequest, **own: Any) -> list[Any]:
    return list(await Sms().receive(request, account(**own), make_context()))


def signed_body(body: bytes, fields: list[tuple[str, str]]) -> WebhookRequest:
    headers = {"content-type": FORM, "x-twilio-signature": signature(URL, fields, TOKEN)}
    return WebhookRequest("POST", URL, headers, body)


@pytest.mark.skipif(not VECTORS.exists(), reason="the vectors are not here")
async def test_every_published_spelling_of_the_address_is_genuine() -> None:
    vector = json.loads(VECTORS.read_text())["twilio"]
    body = urlencode(vector["params"]).encode()
    own = account(auth_token=vector["auth_token"])
    tried = [{"url": vector["url"], "signature": vector["signature"]}, *vector["also_valid"]]
    for each in tried:
        url = each.get("url", vector["url"]).partition(" ")[0]
        headers = {"x-twilio-signature": each["signature"]}
        # Genuine, and then of no message: what is forged says that its signature is wrong.
        with pytest.raises(WebhookForged, match="of no message"):
            await Sms().receive(WebhookRequest("POST", url, headers, body), own, make_context())


@pytest.mark.parametrize(
    "change",
    [
        lambda r: WebhookRequest("POST", r.url, {}, r.body),
        lambda r: WebhookRequest("POST", r.url, {"x-twilio-signature": ""}, r.body),
        lambda r: WebhookRequest("POST", r.url, {"x-twilio-signature": "é"}, r.body),
        lambda r: WebhookRequest("POST", r.url, r.headers, r.body + b"&Extra=1"),
        lambda r: WebhookRequest("POST", r.url, r.headers, r.body.replace(b"Hi", b"Ho")),
        lambda r: WebhookRequest("POST", r.url.replace("/a/", "/b/"), r.headers, r.body),
        lambda r: WebhookRequest("POST", r.url.replace("https:", "http:"), r.headers, r.body),
        lambda r: WebhookRequest("POST", r.url, r.headers, b""),
        lambda r: WebhookRequest("POST", r.url, r.headers, b"\xff\xfe"),
        lambda r: WebhookRequest("POST", r.url, r.headers, b"{}"),
        lambda r: WebhookRequest("POST", r.url, r.headers, b"&".join([b"a=1"] * 600)),
    ],
)
async def test_what_twilio_did_not_sign_is_refused(change: Any) -> None:
    genuine = delivery(TOKEN, TEXT)
    assert len(await receive(genuine)) == 1
    with pytest.raises(WebhookForged):
        await receive(change(genuine))


@pytest.mark.parametrize("token", [None, ""])
async def test_without_a_token_every_delivery_is_refused(token: str | None) -> None:
    with pytest.raises(WebhookForged):
        await receive(delivery("", TEXT), auth_token=token)


async def test_a_repeated_field_counts_as_it_was_signed() -> None:
    fields = [*TEXT.items(), ("Body", "Ho")]
    (message,) = await receive(signed_body(urlencode(fields).encode(), fields))
    assert message.text == "Ho"


@pytest.mark.parametrize(
    ("body", "sender", "wish"),
    [
        ("STOP", "+3545550100", "stop"),
        (" cancel ", "+3545550100", "stop"),
        ("Quit", "MG" + "2" * 32, "stop"),
        ("yes", "+3545550100", "start"),
        ("UNSTOP", "+3545550100", "start"),
        ("Info", "+3545550100", "help"),
        ("stop it", "+3545550100", None),
        ("הסר", "+3545550100", None),
        ("STOP", "12345", None),
    ],
)
async def test_wishes_that_twilio_understands_itself_are_told(
    body: str, sender: str, wish: str | None
) -> None:
    (message,) = await receive(delivery(TOKEN, {**TEXT, "Body": body}), sender=sender)
    assert message.consent == wish


async def test_what_a_messaging_service_understood_goes_before_the_words() -> None:
    (message,) = await receive(delivery(TOKEN, {**TEXT, "Body": "הסר", "OptOutType": "STOP"}))
    assert message.consent == "stop"


@pytest.mark.parametrize("count", ["x", "-1", "³", "9" * 5_000, "999", ""])
def test_a_number_of_files_that_is_none_does_no_harm(count: str) -> None:
    (message,) = read({**TEXT, "NumMedia": count}, URL)
    assert isinstance(message, InboundMessage)
    assert len(message.media) in (0, 10)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("read", "read"),
        ("undelivered", "failed"),
        ("failed", "failed"),
    ],
)
def test_every_status_is_read(status: str, told: str) -> None:
    (found,) = read({"MessageSid": "SM1", "MessageStatus": status}, f"{URL}?csai_message=own")
    assert isinstance(found, DeliveryStatus)
    assert (found.status, found.reference) == (told, "own")


@pytest.mark.parametrize("status", ["queued", "accepted", "scheduled", "sending", "canceled", "news"])
def test_a_status_on_the_way_is_passed_over(status: str) -> None:
    assert read({"MessageSid": "SM1", "MessageStatus": status}, URL) == []


def test_an_opt_out_that_shows_at_delivery_is_told() -> None:
    (found,) = read({"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "21610"}, URL)
    assert isinstance(found, DeliveryStatus)
    assert found.is_opted_out


async def test_a_file_is_followed_to_twilios_storage_without_the_password() -> None:
    hop = Exchange("GET", "/m", 307, {"location": "/stored"}, b"")
    away = Exchange("GET", "/m", 302, {"location": "http://169.254.169.254/latest"}, b"")
    stored = Exchange("GET", "/stored", 200, {}, b"words")
    for exchanges, expected in (([hop, stored], b"words"), ([away], None), ([hop] * 5, None)):
        async with ReplayServer(exchanges) as server:
            media, ctx = Media("document", f"{server.url}/m"), make_context(SmsSettings(base_url=server.url))
            if expected is None:
                with pytest.raises(ChannelError):
                    await Sms().fetch(media, account(), ctx, max_bytes=9)
            else:
                assert await Sms().fetch(media, account(), ctx, max_bytes=9) == expected
                server.play(exchanges)
                with pytest.raises(ChannelError, match="too large"):
                    await Sms().fetch(media, account(), ctx, max_bytes=4)


@pytest.mark.parametrize(
    "ref",
    [
        "https://evil.example/m",
        "https://api.twilio.com.evil.example/m",
        "https://api.twilio.com@evil.example/m",
        "https://evil.example\\@api.twilio.com/m",
        "http://api.twilio.com/m",
        "file:///etc/passwd",
        "",
        "https://[::1/m",
    ],
)
async def test_no_other_address_is_asked_for_a_file(ref: str) -> None:
    with pytest.raises(ChannelError, match="not at its vendor"):
        await Sms().fetch(Media("image", ref), account(), make_context(SmsSettings()), max_bytes=9)


@pytest.mark.parametrize(
    ("header", "wait_s"), [("17", 17.0), ("soon", None), ("-4", None), ("1e400", None), ("", None)]
)
async def test_a_busy_twilio_says_how_long_to_wait(header: str, wait_s: float | None) -> None:
    body = json.dumps({"code": 20429}).encode()
    busy = Exchange("POST", PATH, 429, {"retry-after": header, "content-type": "application/json"}, body)
    async with ReplayServer([busy]) as server:
        message = OutboundMessage("1", "+354", "Hi")
        with pytest.raises(ChannelError) as raised:
            await Sms().send(message, account(), make_context(SmsSettings(base_url=server.url)))
    assert (raised.value.fault, raised.value.retry_after_s) == ("busy", wait_s)


@pytest.mark.parametrize("said", [b"", b"[]", b"null", b"{", b'{"id": 1}', b"[" * 50_000])
async def test_an_answer_of_no_sense_leaves_the_outcome_unknown(said: bytes) -> None:
    async with ReplayServer([Exchange("POST", PATH, 201, {}, said)]) as server:
        message = OutboundMessage("1", "+354", "Hi")
        with pytest.raises(ChannelError) as raised:
            await Sms().send(message, account(), make_context(SmsSettings(base_url=server.url)))
    assert not raised.value.is_outcome_known


async def test_a_refusal_quotes_nothing_of_the_vendors_words() -> None:
    said = {"code": 21211, "message": f"+3545550143 {TOKEN} Hi"}
    async with ReplayServer([Exchange.of_json(PATH, said, status=400)]) as server:
        message = OutboundMessage("1", "+3545550143", "Hi")
        with pytest.raises(ChannelError) as raised:
            await Sms().send(message, account(), make_context(SmsSettings(base_url=server.url)))
    assert not any(word in f"{raised.value} {raised.value.code}" for word in (TOKEN, "+354", "Hi"))


async def test_a_vendor_that_is_not_there_was_not_asked() -> None:
    ctx = make_context(SmsSettings(base_url="http://127.0.0.1:9"))
    with pytest.raises(ChannelError) as raised:
        await Sms().send(OutboundMessage("1", "+354", "Hi"), account(), ctx)
    assert (raised.value.fault, raised.value.is_outcome_known) == ("busy", True)


async def test_an_account_without_an_address_cannot_be_told_of_statuses() -> None:
    bare = ChannelAccount("a", account().settings, "")
    found = await Sms().check(bare, make_context(SmsSettings()))
    assert not found.is_ok
    assert "CSAI_PUBLIC_URL" in found.detail
    missing = await Sms().check(ChannelAccount("a", SmsAccount(), URL), make_context(SmsSettings()))
    assert "account_sid, auth_token, sender" in missing.detail


@pytest.mark.parametrize(
    "given",
    [
        {"account_sid": "AC1"},
        {"account_sid": f"{SID}/../x"},
        {"sender": "Shop"},
        {"sender": "+1"},
        {"sender": "+354555\n0100"},
        {"api_key_sid": "SK1"},
    ],
)
def test_settings_that_could_lead_elsewhere_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SmsAccount.model_validate(given)
