"""csai channel: e-mail, in by IMAP or a mail provider's webhook, out by SMTP."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Channel, hookimpl

from csai_channel_email.channel import EmailChannel


@hookimpl
def register_channels() -> Sequence[Channel]:
    return [EmailChannel()]
