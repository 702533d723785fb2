"""All that the channel works with: read at its first use, since what it stands on takes a while to load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from csai_sdk import ChannelNews

from csai_channel_email import mailbox, outgoing, webhook
from csai_channel_email.mail import Attachment, address_in, content_of
from csai_channel_email.mailbox import Fetched, Position
from csai_channel_email.news import news_of
from csai_channel_email.parser import parse
from csai_channel_email.writing import mail_for

__all__ = [
    "Position",
    "address_in",
    "content_of",
    "mail_for",
    "mailbox",
    "news_in",
    "outgoing",
    "parse",
    "position",
    "webhook",
]


def news_in(mails: Sequence[Fetched], validity: int, own_address: str) -> list[ChannelNews]:
    found: list[ChannelNews] = []
    for mail in mails:

        def ref(attachment: Attachment, uid: int = mail.uid) -> str:
            return f"imap:{validity}:{uid}:{attachment.index}"

        found += news_of(mail.content, own_address, ref)
    return found


def position(cursor: Any) -> Position | None:
    if not isinstance(cursor, dict):
        return None
    day = cursor.get("day")
    return Position(int(cursor["validity"]), int(cursor["uid"]), date.fromisoformat(day) if day else None)
