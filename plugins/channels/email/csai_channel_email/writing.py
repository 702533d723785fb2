"""An answer as a mail: within its thread, marked as automatic, as text and as a page."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

from csai_sdk import OutboundMessage
from markdown_it import MarkdownIt

from csai_channel_email.loops import MARK
from csai_channel_email.mail import ids_in
from csai_channel_email.news import thread_word
from csai_channel_email.settings import MailAccount

_ANSWERED = re.compile(r"^\s*(?:re|aw|sv|antw|r\u00e9f|\u05d4\u05e9\u05d1|\u0631\u062f)\s*:", re.IGNORECASE)
_ID_TEXT = re.compile(r"[^A-Za-z0-9_-]")
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
# No image is shown: its address could carry away what the conversation holds.
_PAGE = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")


class _Policy(EmailPolicy):
    """Writes ids as they are, one a line: encoded like words, programs would not know them again."""

    def fold(self, name: str, value: Any) -> str:
        if name in ("In-Reply-To", "References"):
            return f"{name}: {f'{self.linesep} '.join(value.split())}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name in ("In-Reply-To", "References"):
            return self.fold(name, value).encode()
        return super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n", utf8=False)


def mail_for(message: OutboundMessage, account: MailAccount, account_id: str, now: datetime) -> EmailMessage:
    """The mail that `message` becomes, the same at each try but for its date."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(account.sender_name, addr_spec=account.address)
    mail["To"] = Address(addr_spec=message.address)
    mail["Subject"] = subject_for(message.subject, is_answer=bool(message.in_reply_to))
    mail["Date"] = now
    mail["Message-ID"] = id_for(message, account)
    if answered := ids_in(message.in_reply_to):
        mail["In-Reply-To"] = answered[0]
        mail["References"] = " ".join(ids_in(" ".join([*message.references, answered[0]])))
    if message.author != "teammate":
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = account_id
    if account.inbound == "postmark":
        mail["X-PM-Metadata-csai"] = message.id  # comes back with what became of the mail
    text = f"{message.text}\n\n-- \n{account.signature}" if account.signature else message.text
    mail.set_content(text)
    mail.add_alternative(_page(message.text, account.signature), subtype="html")
    return mail


def id_for(message: OutboundMessage, account: MailAccount) -> str:
    """The mail's id: of the message, so that a repeat is known as one, and of its thread."""
    thread = message.thread or thread_word(message.id)
    own = _ID_TEXT.sub("-", message.id)[:100]
    return f"<csai.{own}.t{_ID_TEXT.sub('-', thread)[:16]}@{account.address.split('@')[1]}>"


def subject_for(subject: str, *, is_answer: bool) -> str:
    plain = " ".join("".join(each if each.isprintable() else " " for each in subject).split())[:300]
    if not plain:
        return "Re: your message"
    return plain if not is_answer or _ANSWERED.match(plain) else f"Re: {plain}"


def _page(text: str, signature: str) -> str:
    direction = "rtl" if _RIGHT_TO_LEFT.search(text) else "ltr"
    below = _PAGE.render(signature) if signature else ""
    return f'<div dir="{direction}">\n{_PAGE.render(text)}{below and f"<hr>{below}"}</div>\n'
