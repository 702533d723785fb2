"""What Meta delivers of a page.

Source: https://developers.facebook.com/docs/messenger-platform/webhooks
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from csai_sdk import ChannelNews, DeliveryStatus, InboundMessage, Media, Receipt, WebhookForged
from csai_sdk.channel import MediaKind

_KINDS: Mapping[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video", "file": "document"}
_NO_SENSE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    OverflowError,
    OSError,
)
UNREADABLE = "[A message of a kind that cannot be read here]"


def read(body: bytes, page_id: str) -> list[ChannelNews]:
    """The news of one page. Raises `WebhookForged` for what makes no sense."""
    try:
        return [
            news
            for entry in json.loads(body)["entry"]
            for happened in entry.get("messaging", ())
            for news in _news(happened, page_id)
        ]
    except _NO_SENSE as error:
        raise WebhookForged(f"the delivery makes no sense ({type(error).__name__})") from None


def _news(happened: Mapping[str, Any], page_id: str) -> Iterator[ChannelNews]:
    """What the page's visitors wrote and got. What the page itself said comes back as an echo."""
    message = happened.get("message", {})
    if message.get("is_echo"):
        if happened["sender"]["id"] == page_id:
            yield from _echoed(message)
    elif happened["recipient"]["id"] != page_id:
        return
    elif "message" in happened:
        # What was taken back is nobody's question any more.
        if not message.get("is_deleted"):
            yield _message(happened, message)
    elif "postback" in happened:
        yield _postback(happened, happened["postback"])
    elif "delivery" in happened:
        yield from _delivered(happened, happened["delivery"])
    elif "read" in happened:
        yield Receipt(_id(happened["sender"]["id"]), "read", _moment(happened["read"]["watermark"]))


def _echoed(message: Mapping[str, Any]) -> Iterator[ChannelNews]:
    """A message of ours, by the metadata it was sent with; other apps and the page's own inbox send, too."""
    if (reference := message.get("metadata")) and isinstance(reference, str):
        yield DeliveryStatus(_id(message["mid"]), "sent", reference=reference)


def _delivered(happened: Mapping[str, Any], delivery: Mapping[str, Any]) -> Iterator[ChannelNews]:
    """Each message that is named; where none is, all until a moment."""
    ids = delivery.get("mids") or ()
    yield from (DeliveryStatus(_id(each), "delivered") for each in ids)
    if not ids:
        yield Receipt(_id(happened["sender"]["id"]), "delivered", _moment(delivery["watermark"]))


def _message(happened: Mapping[str, Any], message: Mapping[str, Any]) -> InboundMessage:
    text = str(message.get("text") or "")
    media: list[Media] = []
    try:
        for each in message.get("attachments") or ():
            if (found := _media(each)) is not None:
                media.append(found)
            text = "\n".join(part for part in (text, _words(each)) if part)
    except _NO_SENSE:  # one that nobody can read must not cost those that came with it
        text = text or UNREADABLE
    return InboundMessage(
        _id(message["mid"]),
        _id(happened["sender"]["id"]),
        text or ("" if media else UNREADABLE),
        media=tuple(media),
        sent_at=_moment(happened["timestamp"]),
    )


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("this is no id")
    return value


def _postback(happened: Mapping[str, Any], postback: Mapping[str, Any]) -> InboundMessage:
    """A button. Older ones have no id of their own."""
    sender = _id(happened["sender"]["id"])
    own_id = _id(postback.get("mid") or f"postback:{sender}:{happened['timestamp']}")
    text = str(postback.get("title") or postback.get("payload") or "")
    return InboundMessage(own_id, sender, text or UNREADABLE, sent_at=_moment(happened["timestamp"]))


def _media(attachment: Mapping[str, Any]) -> Media | None:
    payload = attachment.get("payload") or {}
    if attachment["type"] not in _KINDS or not payload.get("url"):
        return None
    kind: MediaKind = "sticker" if payload.get("sticker_id") else _KINDS[attachment["type"]]
    return Media(kind, str(payload["url"]))


def _words(attachment: Mapping[str, Any]) -> str:
    """What is no file: a place, a link that was shared."""
    payload = attachment.get("payload") or {}
    if attachment["type"] == "location":
        where = payload["coordinates"]
        return f"[Location: {where['lat']}, {where['long']}]"
    if attachment["type"] in _KINDS:
        return ""
    named = (attachment.get("title"), payload.get("title"), attachment.get("url"), payload.get("url"))
    shared = " ".join(dict.fromkeys(str(each) for each in named if each))
    return f"[Shared: {shared}]" if shared else UNREADABLE


def _moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1_000, UTC)
