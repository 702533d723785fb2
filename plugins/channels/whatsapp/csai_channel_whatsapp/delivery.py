"""What Meta delivers.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from csai_sdk import (
    AccountNotice,
    ChannelNews,
    DeliveryStatus,
    InboundMessage,
    Media,
    WebhookForged,
)
from csai_sdk.channel import Delivery, MediaKind

_STATUSES: Mapping[str, Delivery] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_KINDS: Mapping[str, MediaKind] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
}
_STOPPED = frozenset({"131050"})
# Trouble of no account: what has come to its good end.
_GOOD = frozenset(("APPROVED", "REINSTATED", "UNFLAGGED", "ONBOARDING", "UPGRADE", "THROUGHPUT_UPGRADE"))
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


def read(body: bytes, phone_number_id: str) -> list[ChannelNews]:
    """The news of one number. Raises `WebhookForged` for what makes no sense."""
    try:
        told = json.loads(body)
        return [news for change in _changes(told) for news in _news(change, phone_number_id)]
    except _NO_SENSE as error:
        raise WebhookForged(f"the delivery makes no sense ({type(error).__name__})") from None


def _changes(told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in told.get("entry", ()):
        yield from entry.get("changes", ())


def _news(change: Mapping[str, Any], phone_number_id: str) -> Iterator[ChannelNews]:
    value = change["value"]
    if change.get("field") != "messages":
        if not isinstance(value, Mapping) or str(value.get("event", "")).upper() not in _GOOD:
            yield _notice(str(change.get("field")), value)
        return
    # An app has one webhook for all of its numbers.
    if value["metadata"]["phone_number_id"] != phone_number_id:
        return
    names = {
        str(each.get("wa_id")): str((each.get("profile") or {}).get("name") or "")
        for each in value.get("contacts", ())
    }
    for message in value.get("messages", ()):
        if (heard := _message(message, names)) is not None:
            yield heard
    for status in value.get("statuses", ()):
        if status["status"] in _STATUSES:
            yield _status(status)


def _message(message: Mapping[str, Any], names: Mapping[str, str]) -> InboundMessage | None:
    """A message; None for what asks nothing: a reaction, a number that was changed."""
    kind = message["type"]
    if kind in ("reaction", "system"):
        return None
    content = message.get(kind)
    content = content if isinstance(content, Mapping | list) else {}
    try:
        text, media = _text(kind, content), _media(kind, content)
    except _NO_SENSE:  # one that nobody can read must not cost those that came with it
        text, media = UNREADABLE, ()
    return InboundMessage(
        _id(message["id"]),
        f"+{_id(message['from']).lstrip('+')}",
        text,
        names.get(message["from"], ""),
        media=media,
        sent_at=datetime.fromtimestamp(int(message["timestamp"]), UTC),
    )


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("this is no id")
    return value


def _text(kind: str, content: Any) -> str:
    if kind == "text":
        return str(content["body"])
    if kind == "button":
        return str(content["text"])
    if kind == "interactive":
        reply = content[content["type"]]
        return "\n".join(str(reply[name]) for name in ("title", "description", "body") if reply.get(name))
    if kind in _KINDS:
        return str(content.get("caption", ""))
    if kind == "location":
        place = ", ".join(str(content[name]) for name in ("name", "address") if content.get(name))
        where = f"{content['latitude']}, {content['longitude']}"
        return f"[Location: {place} ({where})]" if place else f"[Location: {where}]"
    if kind == "contacts":
        return "\n".join(_contact(each) for each in content)
    if kind == "order":
        items = [f"{item['quantity']} x {item['product_retailer_id']}" for item in content["product_items"]]
        return "\n".join(part for part in (content.get("text", ""), f"[Order: {', '.join(items)}]") if part)
    return UNREADABLE


def _contact(contact: Mapping[str, Any]) -> str:
    numbers = [str(each["phone"]) for each in contact.get("phones", ()) if each.get("phone")]
    name = contact.get("name", {}).get("formatted_name", "")
    return f"[Contact: {', '.join([name, *numbers])}]"


def _media(kind: str, content: Any) -> tuple[Media, ...]:
    if kind not in _KINDS:
        return ()
    return (
        Media(
            _KINDS[kind],
            str(content["id"]),
            str(content.get("mime_type") or ""),
            None,
            str(content.get("filename") or ""),
        ),
    )


def _status(status: Mapping[str, Any]) -> DeliveryStatus:
    fault = (status.get("errors") or [{}])[0]
    code = str(fault.get("code", ""))
    return DeliveryStatus(
        _id(status["id"]),
        _STATUSES[status["status"]],
        reference=str(status.get("biz_opaque_callback_data", "")),
        code=code,
        detail=str(fault.get("title", "")),
        is_opted_out=code in _STOPPED,
    )


def _notice(field: str, value: Any) -> AccountNotice:
    said = value if isinstance(value, Mapping) else {}
    names = (
        "event",
        "message_template_name",
        "reason",
        "display_phone_number",
        "current_limit",
        "alert_type",
    )
    details = [f"{name} {said[name]}" for name in names if said.get(name)]
    return AccountNotice(field, ", ".join(details) or "see the WhatsApp manager")
