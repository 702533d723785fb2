"""The channel: news by IMAP or webhook, answers by SMTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from csai_sdk import (
    Channel,
    ChannelAccount,
    ChannelError,
    ChannelNews,
    ConnectionCheck,
    Media,
    OutboundMessage,
    PluginContext,
    PluginSettings,
    Polled,
    WebhookRequest,
    load_module,
)

from csai_channel_email.settings import MailAccount

WORK = "csai_channel_email.work"


class EmailChannel(Channel):
    """A sender's address proves nothing about who wrote, so visitors by mail are never verified."""

    id = "email"
    account_model: ClassVar[type[PluginSettings]] = MailAccount
    is_mail = True
    max_chars = 100_000
    max_delivery_bytes = 10_000_000
    poll_every_s = 30.0
    answers_per_hour = 20

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        await load_module(WORK)
        from csai_channel_email.work import webhook

        # A hostile page may take a second to read, so it is not read on the event loop.
        return await asyncio.to_thread(webhook.read, request, account.settings_as(MailAccount), ctx)

    async def poll(self, cursor: Any, account: ChannelAccount, ctx: PluginContext) -> Polled:
        own = account.settings_as(MailAccount)
        if own.inbound != "imap":
            return Polled((), cursor)
        await load_module(WORK)
        from csai_channel_email.work import mailbox, news_in, position

        mails, end = await mailbox.new_mails(position(cursor), own, ctx)
        news = await asyncio.to_thread(news_in, mails, end.validity, own.address)
        day = ctx.clock.now().date().isoformat()
        return Polled(news, {"validity": end.validity, "uid": end.uid, "day": day})

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        own = account.settings_as(MailAccount)
        if not own.address:
            raise ChannelError("set the mailbox's address", fault="account")
        await load_module(WORK)
        from csai_channel_email.work import address_in, mail_for, outgoing

        _name, receiver = address_in(message.address)
        if not receiver or receiver != message.address.lower() or not receiver.isascii():
            raise ChannelError("this is no address that mail can be sent to", fault="address")
        mail = mail_for(message, own, account.id, ctx.clock.now())
        await outgoing.send(mail, receiver, own, ctx)
        return str(mail["Message-ID"])

    async def check(self, account: ChannelAccount, ctx: PluginContext) -> ConnectionCheck:
        own = account.settings_as(MailAccount)
        if own.inbound != "imap" and own.webhook_secret is None:
            return ConnectionCheck(False, "set the webhook's secret")
        await load_module(WORK)
        from csai_channel_email.work import mailbox, outgoing

        try:
            await outgoing.check(own, ctx)
            if own.inbound == "imap":
                await mailbox.check(own, ctx)
        except ChannelError as error:
            return ConnectionCheck(False, str(error))
        return ConnectionCheck(True, "The mail servers let us in.")

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        kind, *numbers = media.ref.split(":")
        if kind != "imap" or len(numbers) != 3 or not all(each.isdigit() for each in numbers):
            raise ChannelError("this attachment was not kept")
        await load_module(WORK)
        from csai_channel_email.work import Position, content_of, mailbox, parse

        validity, uid, index = map(int, numbers)
        whole = await mailbox.mail_at(Position(validity, uid), account.settings_as(MailAccount), ctx)
        content = await asyncio.to_thread(lambda: content_of(parse(whole), index)) if whole else None
        if content is None:
            raise ChannelError("the mail is gone from the mailbox")
        if len(content) > max_bytes:
            raise ChannelError("the attachment is too large")
        return content
