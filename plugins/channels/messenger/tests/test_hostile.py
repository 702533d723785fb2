"""Messenger's deliveries that are forged, odd or of no sense; files elsewhere; a vendor who asks for time."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from csai_channel_messenger.channel import Messenger
from csai_channel_messenger.delivery import UNREADABLE
from csai_channel_messenger.settings import MessengerAccount, MessengerSettings
from csai_sdk import (
    ChannelAccount,
    ChannelError,
    DeliveryStatus,
    Media,
    OutboundMessage,
    Receipt,
    WebhookForged,
    WebhookRequest,
)
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange, ReplayServer
from pydantic import ValidationError

from plugins.channels.messenger.tests.test_conformance import PATH, delivery
from plugins.channels.messenger.tests.test_messenger import SECRET, account, ctx_of, heard

URL = "https://csai.example"


def signed(body: bytes, secret: str = SECRET) -> WebhookRequest:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return WebhookRequest("POST", URL, {"x-hub-signature-256": f"sha256={signature}"}, body)


async def receive(request: WebhookRequest, **own: Any) -> list[Any]:
    return list(await Messenger().receive(request, account(**own), make_context()))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: WebhookRequest("POST", r.url, {}, r.body),
        lambda r: WebhookRequest("POST", r.url, {"x-hub-signature-256": "sha256="}, r.body),
        lambda r: WebhookRequest("POST", r.url, {"x-hub-signature-256": "sha256=é"}, r.body),
        lambda r: WebhookRequest(
            "POST", r.url, {"x-hub-signature-256": r.headers["x-hub-signature-256"][7:]}, r.body
        ),
        lambda r: WebhookRequest(
            "POST", r.url, {"x-hub-signature": r.headers["x-hub-signature-256"]}, r.body
        ),
        lambda r: WebhookRequest("POST", r.url, r.headers, r.body + b" "),
        lambda r: WebhookRequest("POST", r.url, r.headers, b""),
        lambda r: signed(r.body, "another secret"),
        lambda r: signed(r.body, ""),
    ],
)
async def test_what_meta_did_not_sign_is_refused(change: Any) -> None:
    genuine = delivery(SECRET, message={"mid": "m_0", "text": "Hi"})
    assert len(await receive(genuine)) == 1
    with pytest.raises(WebhookForged):
        await receive(change(genuine))


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_every_delivery_is_refused(secret: str | None) -> None:
    with pytest.raises(WebhookForged):
        await receive(delivery("", message={"mid": "m_0", "text": "Hi"}), app_secret=secret)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"entry": 5}',
        b'{"entry": [{"messaging": [{}]}]}',
        b'{"entry": [{"messaging": [5]}]}',
    ],
)
async def test_a_signed_body_of_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookForged):
        await receive(signed(body))


@pytest.mark.parametrize(
    "happened",
    [
        {"message": {"mid": 5, "text": "Hi"}},
        {"message": {"mid": "", "text": "Hi"}},
        {"message": {"text": "Hi"}},
        {"message": {"mid": "m", "text": "Hi"}, "timestamp": "9" * 400},
        {"message": {"mid": "m", "text": "Hi"}, "timestamp": 10**30},
        {"message": {"mid": "m", "text": "Hi"}, "sender": {"id": ["a"]}},
        {"message": 5},
        {"read": {}},
        {"delivery": {"mids": [5]}},
        {"delivery": {"mids": 5}},
    ],
)
async def test_news_of_the_wrong_shape_are_refused(happened: dict[str, Any]) -> None:
    with pytest.raises(WebhookForged):
        await heard(**happened)


@pytest.mark.parametrize(
    "attachments",
    [[{}], [5], [{"type": "location", "payload": {}}], [{"type": "location", "payload": None}], 5],
)
async def test_an_attachment_nobody_can_read_does_not_cost_the_message(attachments: Any) -> None:
    (message,) = await heard(message={"mid": "m", "text": "Look", "attachments": attachments})
    assert message.text == "Look"
    (message,) = await heard(message={"mid": "m", "attachments": attachments})
    assert message.text == UNREADABLE


async def test_one_delivery_holds_news_of_several_people() -> None:
    def happened(sender: str, **what: Any) -> dict[str, Any]:
        return {"sender": {"id": sender}, "recipient": {"id": "77"}, "timestamp": 1767323045000, **what}

    told = {
        "object": "page",
        "entry": [
            {"id": "77", "messaging": [happened("1", message={"mid": "a", "text": "A"})]},
            {"id": "77", "standby": [happened("2", message={"mid": "b", "text": "B"})]},
            {"id": "77", "messaging": [happened("3", message={"mid": "c", "text": "C"})]},
        ],
    }
    found = await receive(signed(json.dumps(told).encode()))
    assert [(each.address, each.text) for each in found] == [("1", "A"), ("3", "C")]


async def test_what_was_taken_back_asks_nothing() -> None:
    assert await heard(message={"mid": "m", "is_deleted": True}) == []


async def test_what_was_read_is_told_up_to_a_moment() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert await heard(read={"watermark": 1767323045000}) == [Receipt("5001", "read", moment)]
    assert await heard(delivery={"watermark": 1767323045000}) == [Receipt("5001", "delivered", moment)]
    assert await heard(delivery={"mids": ["m_1", "m_2"], "watermark": 1767323045000}) == [
        DeliveryStatus("m_1", "delivered"),
        DeliveryStatus("m_2", "delivered"),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "w"},
        {"hub.mode": "unsubscribe", "hub.challenge": "1", "hub.verify_token": "v"},
        {},
    ],
)
async def test_anybody_elses_question_is_refused(asked: dict[str, str]) -> None:
    request = WebhookRequest("GET", f"{URL}?{urlencode(asked)}", {}, b"")
    with pytest.raises(WebhookForged):
        await Messenger().challenge(request, account(), make_context())


@pytest.mark.parametrize(
    ("silent_for", "mode"),
    [
        (timedelta(0), "text"),
        (timedelta(hours=23, minutes=57), "text"),
        (timedelta(hours=23, minutes=59), "never"),
        (timedelta(hours=24), "never"),
        (None, "never"),
    ],
)
def test_the_window_closes_a_little_before_metas(silent_for: timedelta | None, mode: str) -> None:
    assert Messenger().sending_mode("ai", silent_for, account()) == mode
    assert Messenger().sending_mode("system", silent_for, account(has_human_agent=True)) == mode


@pytest.mark.parametrize(
    "ref",
    [
        "https://evil.example/m",
        "https://fbcdn.net.evil.example/m",
        "https://evilfbcdn.net/m",
        "https://a.fbcdn.net@evil.example/m",
        "https://evil.example\\@a.fbcdn.net/m",
        "http://a.fbcdn.net/m",
        "https://a.fbcdn.net:8443/m",
        "http://169.254.169.254/latest",
        "",
    ],
)
async def test_no_other_address_is_asked_for_a_file(ref: str) -> None:
    with pytest.raises(ChannelError, match="not at its vendor"):
        await Messenger().fetch(
            Media("image", ref), account(), make_context(MessengerSettings()), max_bytes=9
        )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Exchange("GET", "/f", 200, {}, b"x" * 11), "too large"),
        (Exchange("GET", "/f", 404, {}, b""), "gone"),
        (Exchange("GET", "/f", 302, {"location": "http://evil.example/"}, b""), "not where"),
    ],
)
async def test_a_file_within_its_limit_or_none(answer: Exchange, said: str) -> None:
    async with ReplayServer([answer]) as server:
        media = Media("document", f"{server.url}/f")
        with pytest.raises(ChannelError, match=said):
            await Messenger().fetch(media, account(), ctx_of(server), max_bytes=10)


@pytest.mark.parametrize(("header", "wait_s"), [("30", 30.0), ("soon", None)])
async def test_a_busy_messenger_says_how_long_to_wait(header: str, wait_s: float | None) -> None:
    body = json.dumps({"error": {"code": 613}}).encode()
    busy = Exchange("POST", PATH, 429, {"retry-after": header}, body)
    async with ReplayServer([busy]) as server:
        with pytest.raises(ChannelError) as raised:
            await Messenger().send(OutboundMessage("1", "5001", "Hi"), account(), ctx_of(server))
    assert (raised.value.fault, raised.value.retry_after_s) == ("busy", wait_s)


@pytest.mark.parametrize(
    ("status", "said", "fault", "is_known"),
    [
        (502, b"<html>", "busy", False),
        (429, b"", "busy", True),
        (401, b"", "account", True),
        (400, b'{"error": {"code": "x"}}', "refused", True),
        (400, b'{"error": {"code": 9, "error_subcode": 2018352}}', "busy", True),
        (400, b'{"error": {"code": 230}}', "account", True),
        (200, b"{}", "refused", False),
        (200, b"[", "refused", False),
    ],
)
async def test_a_refusal_says_what_to_do_whatever_its_form(
    status: int, said: bytes, fault: str, is_known: bool
) -> None:
    async with ReplayServer([Exchange("POST", PATH, status, {}, said)]) as server:
        with pytest.raises(ChannelError) as raised:
            await Messenger().send(OutboundMessage("1", "5001", "Hi"), account(), ctx_of(server))
    assert (raised.value.fault, raised.value.is_outcome_known) == (fault, is_known)


async def test_the_token_is_in_no_error_and_an_account_is_tried_without_sending() -> None:
    told = {"error": {"code": 190, "message": "bad token the-token"}}
    good = Exchange("GET", "/v23.0/77", 200, {}, b'{"name": "The Shop"}')
    bad = Exchange("GET", "/v23.0/77", 401, {}, json.dumps(told).encode())
    async with ReplayServer([good]) as server:
        found = await Messenger().check(account(), ctx_of(server))
        assert (found.is_ok, "The Shop" in found.detail) == (True, True)
        server.play([bad])
        wrong = await Messenger().check(account(), ctx_of(server))
    assert (wrong.is_ok, "the-token" in wrong.detail) == (False, False)
    bare = await Messenger().check(ChannelAccount("a", MessengerAccount()), make_context(MessengerSettings()))
    assert "page_id, page_token, app_secret, verify_token" in bare.detail


async def test_without_a_token_nothing_is_sent() -> None:
    own = account(page_token=None)
    with pytest.raises(ChannelError) as raised:
        await Messenger().send(OutboundMessage("1", "5", "Hi"), own, make_context(MessengerSettings()))
    assert raised.value.fault == "account"


@pytest.mark.parametrize("given", [{"page_id": "7/7"}, {"page_id": "me"}, {"page_id": "7" * 40}])
def test_settings_that_could_lead_elsewhere_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        MessengerAccount.model_validate(given)
