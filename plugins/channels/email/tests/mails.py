"""Mails, and a client's mailbox."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from typing import Any

from csai_channel_email.channel import EmailChannel
from csai_channel_email.settings import MailAccount
from csai_sdk import ChannelAccount

from plugins.channels.email.tests.mail_servers import Mailbox, PostOffice

CHANNEL = EmailChannel()


def account(mailbox: Mailbox | None = None, office: PostOffice | None = None, **given: Any) -> ChannelAccount:
    values = {
        "address": "help@shop.example",
        "sender_name": "The Shop",
        "password": "mailbox-password",
        "imap_host": "127.0.0.1",
        "imap_port": mailbox.port if mailbox else 9,
        "imap_security": "none",
        "smtp_host": "127.0.0.1",
        "smtp_port": office.port if office else 9,
        "smtp_security": "none",
        **given,
    }
    return ChannelAccount("account-1", MailAccount.model_validate(values))


def mail(text: str = "Where is my order?", **headers: str) -> bytes:
    written = EmailMessage(policy=policy.SMTP)
    given = {
        "From": "Ann Visitor <Ann@Visitor.example>",
        "To": "help@shop.example",
        "Subject": "My order",
        "Message-ID": "<one@visitor.example>",
        "Date": "Tue, 03 Nov 2026 10:00:00 +0200",
    }
    for name, value in {
        **given,
        **{each.replace("_", "-"): value for each, value in headers.items()},
    }.items():
        if value:
            written[name] = value
    written.set_content(text)
    return written.as_bytes()
