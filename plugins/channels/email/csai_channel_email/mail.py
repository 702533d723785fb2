"""A mail as it came, read: who, about what, answering what, and the words."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.utils import getaddresses
from itertools import islice

from csai_channel_email.html import text_of_html
from csai_channel_email.parser import MAX_PARTS

MAX_TEXT = 200_000
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_MAX_REFERENCES = 50
_MAX_HEADERS = 300
# Of names, not of text: they take a time that grows with the square.
_OF_NAMES = frozenset({"punycode", "idna"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a mail; `index` counts the mail's attachments."""

    index: int
    name: str
    mime_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail. `headers` have names in lower case and hold the first of each. Ids stand within `<>`."""

    message_id: str
    sender: str
    sender_name: str
    subject: str
    text: str
    references: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


def read_mail(message: EmailMessage, content: bytes) -> Mail:
    """A message of RFC 5322, parsed, and as it came. What cannot be decoded is replaced."""
    return mail_of(
        headers_of(message),
        text=_text(message),
        attachments=tuple(
            Attachment(index, name, part.get_content_type(), len(_payload(part)))
            for index, (name, part) in enumerate(attachments(message))
        ),
        fallback=content,
    )


def mail_of(
    headers: Mapping[str, str],
    *,
    text: str,
    attachments: tuple[Attachment, ...] = (),
    fallback: bytes = b"",
) -> Mail:
    """A mail out of its headers and words; `fallback` is what an id is made of where it has none."""
    name, sender = address_in(headers.get("from", ""))
    own = ids_in(headers.get("message-id", ""))
    digest = hashlib.sha256(fallback or repr(sorted(headers.items())).encode()).hexdigest()[:40]
    references = ids_in(headers.get("references", "")) or ids_in(headers.get("in-reply-to", ""))
    if answered := ids_in(headers.get("in-reply-to", ""))[-1:]:
        references = [*(each for each in references if each != answered[0]), *answered]
    return Mail(
        message_id=own[0] if own else f"<{digest}@without-id.invalid>",
        sender=sender,
        sender_name=name,
        subject=headers.get("subject", "")[:500],
        text=text[:MAX_TEXT],
        references=tuple(references[:1] + references[1:][-_MAX_REFERENCES:]),
        headers=headers,
        attachments=attachments,
    )


def headers_of(message: Message) -> dict[str, str]:
    """The first of each header, on one line, encoded words decoded."""
    found: dict[str, str] = {}
    for name, raw in islice(message.raw_items(), _MAX_HEADERS):
        if (lower := name.lower()) not in found:
            try:
                value = str(message.policy.header_fetch_parse(name, raw))
            except (ValueError, IndexError, AttributeError, TypeError, LookupError, RecursionError):
                value = ""  # the parser of structured headers stumbles over some nonsense
            found[lower] = " ".join(value.split())
    return found


def address_in(value: str) -> tuple[str, str]:
    """Name and address of the first sender, the address in lower case; empty where there is none."""
    try:
        found = getaddresses([value])
    except RecursionError:  # a comment within a comment within ...
        return "", ""
    for name, address in found:
        if address.count("@") == 1 and address.isprintable() and " " not in address:
            return name.strip()[:200], address.lower()[:320]
    return "", ""


def ids_in(value: str) -> list[str]:
    """The message ids in a header, in their order, each once."""
    return list(dict.fromkeys(_MESSAGE_ID.findall(value)))


def attachments(message: EmailMessage) -> Iterator[tuple[str, EmailMessage]]:
    """The mail's files, mails within it among them. Text counts where it has a name, or is said to be one."""
    for part in _parts(message):
        if _is_file(part):
            yield " ".join((part.get_filename() or "").split())[:200], part


def content_of(message: EmailMessage, index: int) -> bytes | None:
    """The bytes of one attachment."""
    for number, (_name, part) in enumerate(attachments(message)):
        if number == index:
            return _payload(part)
    return None


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that hold something, in their order: not what a mail within the mail consists of."""
    waiting: list[Message] = [message]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_maintype() == "multipart":
            waiting += reversed([each for each in inner if isinstance(each, Message)])
        elif isinstance(part, EmailMessage):
            yield part


def _is_file(part: EmailMessage) -> bool:
    if part.get_content_type() not in ("text/plain", "text/html"):
        return part.get_content_maintype() != "text" or part.get_content_disposition() == "attachment"
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _text(message: EmailMessage) -> str:
    """What the sender wrote: the plain text, else the page as text."""
    plain, pages = [], []
    for part in _parts(message):
        if _is_file(part):
            continue
        if part.get_content_type() == "text/plain":
            plain.append(_decoded(part))
        elif part.get_content_type() == "text/html":
            pages.append(_decoded(part))
    text = "\n".join(plain)
    return text if text.strip() else "\n".join(text_of_html(page) for page in pages)


def _payload(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):  # a mail within the mail
        return inner[0].as_bytes() if inner and isinstance(inner[0], Message) else b""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, AssertionError):
        return b""
    return content if isinstance(content, bytes) else b""


def _decoded(part: Message) -> str:
    content = _payload(part)[: 4 * MAX_TEXT]
    charset = part.get_content_charset("utf-8")
    # Hebrew and Arabic in their logical order: the suffix says how they are shown, not how written.
    charset = re.sub(r"^(iso-8859-[68])-[ie]$", r"\1", charset)
    try:
        if codecs.lookup(charset).name in _OF_NAMES:
            charset = "utf-8"
        return content.decode(charset, errors="replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or none of text
        return content.decode("utf-8", errors="replace")
