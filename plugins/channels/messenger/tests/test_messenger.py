"""Messenger as Meta speaks it: what is read of deliveries, what is sent when, what refusals mean."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from csai_channel_messenger.channel import Messenger
from csai_channel_messenger.delivery import UNREADABLE
from csai_channel_messenger.settings import MessengerAccount, MessengerSettings
from csai_sdk import (
    ChannelAccount,
    ChannelError,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    PluginContext,
    WebhookForged,
    WebhookRequest,
)
from csai_testkit.context import make_context
from csai_testkit.replay import Exchange, ReplayServer

from plugins.channels.messenger.tests.test_conformance import PATH, delivery

SECRET = "the app's secret"
SENT = Exchange.of_json(PATH, {"recipient_id": "5001", "message_id": "m_1"})


@pytest.fixture
async def meta() -> AsyncIterator[ReplayServer]:
    async with ReplayServer([SENT]) as server:
        yield server


def account(**more: Any) -> ChannelAccount:
    own = {"page_id": "77", "page_token": "the-token", "app_secret": SECRET, "verify_token": "v"}
    return ChannelAccount("a", MessengerAccount.model_validate({**own, **more}))


def ctx_of(server: ReplayServer) -> PluginContext:
    return make_context(MessengerSettings(base_url=server.url))


async def heard(**happened: Any) -> list[Any]:
    return list(await Messenger().receive(delivery(SECRET, **happened), account(), make_context()))


async def test_a_text_has_its_sender_and_time() -> None:
    (message,) = await heard(message={"mid": "m_0", "text": "Are you open?"})
    assert (message.message_id, message.address, message.text) == ("m_0", "5001", "Are you open?")
    assert message.sent_at.isoformat() == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("happened", "text"),
    [
        ({"postback": {"mid": "m_2", "title": "Track it", "payload": "TRACK"}}, "Track it"),
        ({"message": {"mid": "m_2", "text": "Red", "quick_reply": {"payload": "R"}}}, "Red"),
        (
            {
                "message": {
                    "mid": "m_2",
                    "attachments": [
                        {"type": "location", "payload": {"coordinates": {"lat": 64.1, "long": -21.9}}}
                    ],
                }
            },
            "[Location: 64.1, -21.9]",
        ),
        (
            {
                "message": {
                    "mid": "m_2",
                    "attachments": [{"type": "fallback", "title": "A page", "url": "https://x.example"}],
                }
            },
            "[Shared: A page https://x.example]",
        ),
        ({"message": {"mid": "m_2"}}, UNREADABLE),
    ],
)
async def test_what_is_no_text_is_said_in_words(happened: dict[str, Any], text: str) -> None:
    (message,) = await heard(**happened)
    assert message.text == text


async def test_a_button_without_an_id_has_the_same_one_again() -> None:
    first, again = [await heard(postback={"title": "Go"}) for _ in range(2)]
    assert first == again
    assert first[0].message_id == "postback:5001:1767323045000"


async def test_files_are_named() -> None:
    files = [
        {"type": "file", "payload": {"url": "https://cdn.example/bill.pdf"}},
        {"type": "image", "payload": {"url": "https://cdn.example/like.png", "sticker_id": 3}},
    ]
    (message,) = await heard(message={"mid": "m_0", "attachments": files})
    kinds = [(each.kind, each.ref) for each in message.media]
    assert kinds == [
        ("document", "https://cdn.example/bill.pdf"),
        ("sticker", "https://cdn.example/like.png"),
    ]
    assert message.text == ""


@pytest.mark.parametrize(
    "happened",
    [
        {"message": {"mid": "m_0", "text": "Hello!", "is_echo": True}},
        {"reaction": {"mid": "m_0", "emoji": "x"}},
        {"recipient": {"id": "78"}, "message": {"mid": "m_0", "text": "for another page"}},
    ],
)
async def test_echoes_and_other_news_are_passed_over(happened: dict[str, Any]) -> None:
    assert await heard(**happened) == []


def echo(metadata: Any) -> dict[str, Any]:
    """What the page sent, as Meta tells of it: the two have changed places."""
    message = {"mid": "m_1", "text": "Hello!", "is_echo": True, "app_id": 5, "metadata": metadata}
    return {"sender": {"id": "77"}, "recipient": {"id": "5001"}, "message": message}


async def test_an_echo_tells_of_a_message_whose_sending_nobody_heard_the_end_of(meta: ReplayServer) -> None:
    message = OutboundMessage("01900000-0000-7000-8000-000000000001", "5001", "Hi")
    await Messenger().send(message, account(), ctx_of(meta))
    sent = json.loads(meta.requests[0].body)["message"]

    assert await heard(**echo(sent["metadata"])) == [DeliveryStatus("m_1", "sent", reference=message.id)]


@pytest.mark.parametrize(
    "happened",
    [echo(""), echo(None), echo({"a": 1}), {**echo("x"), "sender": {"id": "78"}}],
    ids=["none", "null", "an object", "another page"],
)
async def test_an_echo_of_what_others_sent_is_passed_over(happened: dict[str, Any]) -> None:
    assert await heard(**happened) == []


async def test_a_delivery_signed_for_another_app_is_forged() -> None:
    with pytest.raises(WebhookForged):
        await Messenger().receive(delivery("another", message={"mid": "m"}), account(), make_context())
    nonsense = WebhookRequest("POST", "https://x", {}, b"{}")
    with pytest.raises(WebhookForged):
        await Messenger().receive(nonsense, account(), make_context())


async def test_the_assistant_answers_within_a_day_and_teammates_within_seven(meta: ReplayServer) -> None:
    channel, own = Messenger(), account(has_human_agent=True)
    hours = {"ai": (23, 25), "teammate": (6 * 24, 8 * 24)}
    for author, (early, late) in hours.items():
        assert channel.sending_mode(author, timedelta(hours=early), own) == "text"  # type: ignore[arg-type]
        assert channel.sending_mode(author, timedelta(hours=late), own) == "never"  # type: ignore[arg-type]
    assert channel.sending_mode("teammate", timedelta(days=2), account()) == "never"
    meta.play([SENT, SENT])
    for author in ("ai", "teammate"):
        message = OutboundMessage("1", "5001", "Hi", author=author)  # type: ignore[arg-type]
        assert await channel.send(message, own, ctx_of(meta)) == "m_1"
    bodies = [json.loads(request.body) for request in meta.requests]
    assert [body["messaging_type"] for body in bodies] == ["RESPONSE", "MESSAGE_TAG"]
    assert bodies[1] | {"tag": "HUMAN_AGENT"} == bodies[1]
    assert bodies[0]["recipient"] == {"id": "5001"}


async def test_a_message_is_shown_as_seen_while_somebody_writes(meta: ReplayServer) -> None:
    meta.play([SENT, SENT])
    await Messenger().seen(InboundMessage("m_0", "5001", ""), account(), ctx_of(meta))
    actions = [json.loads(request.body)["sender_action"] for request in meta.requests]
    assert actions == ["mark_seen", "typing_on"]


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (400, {"code": 10, "error_subcode": 2018278}, "window_closed"),
        (400, {"code": 100, "error_subcode": 2018001}, "address"),
        (400, {"code": 551}, "address"),
        (400, {"code": 613}, "busy"),
        (400, {"code": 190}, "account"),
        (403, {"code": 200}, "account"),
        (400, {"code": 100}, "refused"),
    ],
)
async def test_a_refusal_says_what_to_do(status: int, error: dict[str, Any], fault: str) -> None:
    async with ReplayServer([Exchange.of_json(PATH, {"error": error}, status=status)]) as server:
        with pytest.raises(ChannelError) as raised:
            await Messenger().send(OutboundMessage("1", "5001", "Hi"), account(), ctx_of(server))
    assert (raised.value.fault, raised.value.is_outcome_known) == (fault, True)


async def test_a_file_is_fetched_without_the_token() -> None:
    stored = Exchange("GET", "/bill.txt", 200, {"content-type": "text/plain"}, b"12 euros")
    async with ReplayServer([stored]) as server:
        media = Media("document", f"{server.url}/bill.txt")
        found = await Messenger().fetch(media, account(), ctx_of(server), max_bytes=100)
        assert found == b"12 euros"
        assert "authorization" not in {name.lower() for name in server.requests[0].headers}
