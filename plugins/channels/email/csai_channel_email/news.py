"""A mail as news for the server: a visitor's message, what became of a sent one, or nothing."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from email.message import EmailMessage, Message

from csai_sdk import ChannelNews, DeliveryStatus, InboundMessage, Media
from csai_sdk.channel import MediaKind

from csai_channel_email.loops import why_not_answered
from csai_channel_email.mail import Attachment, Mail, headers_of, ids_in, read_mail
from csai_channel_email.parser import parse
from csai_channel_email.reply import new_text

log = logging.getLogger(__name__)

_KINDS: tuple[MediaKind, ...] = ("image", "audio", "video")
# In the ids of what was sent stands the thread it belongs to: some programs hand back only that one id.
_OWN_ID = re.compile(r"^<csai\.[^@>]+\.t([0-9a-f]{16})@")
_FAILED = re.compile(r"^action:\s*failed\b", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"^status:\s*([245]\.\d{1,3}\.\d{1,3})", re.IGNORECASE | re.MULTILINE)


def news_of(content: bytes, own_address: str, ref: Callable[[Attachment], str]) -> list[ChannelNews]:
    """What one whole message tells. `ref` names an attachment, so that it can be fetched.

    A mail that cannot be read tells nothing: it must not stop those behind it, which looking again would not
    get past either.
    """
    try:
        message = parse(content)
        if message.get_content_type() == "multipart/report":
            return list(_failures(message))
        return news_of_mail(read_mail(message, content), own_address, ref)
    except Exception as error:  # noqa: BLE001 -- the library's parser raises whatever nonsense leads it to
        log.warning("a mail could not be read", extra={"error": type(error).__name__})
        return []


def news_of_mail(
    mail: Mail, own_address: str, ref: Callable[[Attachment], str], *, stripped: str = ""
) -> list[ChannelNews]:
    """`stripped` is the newly written part where the provider has already found it."""
    if why_not_answered(mail, own_address):
        return []
    return [
        InboundMessage(
            message_id=short_id(mail.message_id),
            address=mail.sender,
            text=(stripped.strip() or new_text(mail.text) or mail.subject),
            sender_name=mail.sender_name,
            media=tuple(_media(each, ref) for each in mail.attachments),
            thread=thread_of(mail),
            subject=mail.subject,
            references=mail.references,
        )
    ]


def thread_of(mail: Mail) -> str:
    """One word for all mails of a conversation, also where a program hands back only the last id."""
    for reference in reversed(mail.references):
        if found := _OWN_ID.match(reference):
            return found.group(1)
    return thread_word(mail.references[0] if mail.references else mail.message_id)


def thread_word(message_id: str) -> str:
    return hashlib.sha256(message_id.encode(errors="replace")).hexdigest()[:16]


def short_id(message_id: str) -> str:
    """The id, or what stands for one that is longer than anybody keeps."""
    if len(message_id) <= 250:
        return message_id
    return f"<{hashlib.sha256(message_id.encode(errors='replace')).hexdigest()}@long-id.invalid>"


def _media(attachment: Attachment, ref: Callable[[Attachment], str]) -> Media:
    main = attachment.mime_type.split("/")[0]
    kind: MediaKind = next((each for each in _KINDS if each == main), "document")
    return Media(kind, ref(attachment), attachment.mime_type, attachment.size_bytes, attachment.name)


def _failures(report: EmailMessage) -> Iterator[DeliveryStatus]:
    """RFC 3464: a report that a mail could not be delivered, with the head of that mail."""
    said, original = "", ""
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            said = _lines_of(part)
        elif kind in ("message/rfc822", "message/rfc822-headers", "text/rfc822-headers") and not original:
            original = next(iter(ids_in(_original_id(part))), "")
    if original and _FAILED.search(said):
        status = _STATUS.search(said)
        yield DeliveryStatus(original, "failed", code=status.group(1) if status else "")


def _lines_of(part: Message) -> str:
    inner = part.get_payload()
    if isinstance(inner, list):
        blocks = [each for each in inner if isinstance(each, Message)]
        return "\n".join(f"{name}: {value}" for each in blocks for name, value in each.items())
    return str(inner)


def _original_id(part: Message) -> str:
    inner = part.get_payload()
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return headers_of(inner[0]).get("message-id", "")
    content = part.get_payload(decode=True)
    return headers_of(parse(content)).get("message-id", "") if isinstance(content, bytes) else ""
