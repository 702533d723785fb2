"""The channel: csai's words turned into Meta's and back.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from csai_sdk import (
    Channel,
    ChannelAccount,
    ChannelError,
    ChannelNews,
    ConnectionCheck,
    HttpError,
    HttpResponse,
    InboundMessage,
    Media,
    OutboundMessage,
    PluginContext,
    TextStyle,
    WebhookRequest,
    check_hub_signature,
    fetch_file,
    hub_challenge,
    restyle,
)
from csai_sdk.channel import Author, SendingMode
from csai_sdk.errors import ChannelFault

from csai_channel_whatsapp.delivery import read
from csai_channel_whatsapp.failure import failure_of
from csai_channel_whatsapp.settings import WhatsAppAccount, WhatsAppSettings

WINDOW = timedelta(hours=24)
# A message takes its time to Meta.
MARGIN = timedelta(minutes=2)
MAX_PARAMETER_CHARS = 900
STYLE = TextStyle(bold="*", italic="_", strike="~", code="`", fence="```")
_MEDIA_HOSTS = (".fbsbx.com", ".facebook.com", ".whatsapp.net")


class WhatsApp(Channel):
    """Numbers of the WhatsApp Business Platform."""

    id = "whatsapp"
    account_model = WhatsAppAccount
    max_chars = 4_096
    is_address_verified = True

    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        return hub_challenge(request, account.settings_as(WhatsAppAccount).verify_token)

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        own = account.settings_as(WhatsAppAccount)
        check_hub_signature(request, own.app_secret)
        return read(request.body, own.phone_number_id)

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        content = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.address.lstrip("+"),
            # Comes back with every status, so that a message is known whose sending nobody heard the end of.
            "biz_opaque_callback_data": message.id,
            **_what(message, account.settings_as(WhatsAppAccount)),
        }
        said = _json(await _asked("POST", _messages_url(account, ctx), account, ctx, content))
        try:
            return str(said["messages"][0]["id"])
        except (KeyError, TypeError, IndexError):
            raise ChannelError("WhatsApp's answer has no id", is_outcome_known=False) from None

    async def seen(self, message: InboundMessage, account: ChannelAccount, ctx: PluginContext) -> None:
        if not account.settings_as(WhatsAppAccount).shows_typing:
            return
        content = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message.message_id,
            "typing_indicator": {"type": "text"},
        }
        await _asked("POST", _messages_url(account, ctx), account, ctx, content)

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        """In two steps: where it is, which is known for five minutes, and what it is."""
        found = _json(await _asked("GET", _url(ctx, media.ref), account, ctx))
        try:
            url, size_bytes = str(found["url"]), int(found.get("file_size", 0))
        except (KeyError, TypeError, ValueError):
            raise ChannelError("WhatsApp does not say where the file is") from None
        if size_bytes > max_bytes:
            raise ChannelError("the file is too large")
        return await fetch_file(
            url,
            ctx,
            base_url=ctx.settings_as(WhatsAppSettings).base_url,
            hosts=_MEDIA_HOSTS,
            headers=_authorization(account),
            max_bytes=max_bytes,
        )

    async def check(self, account: ChannelAccount, ctx: PluginContext) -> ConnectionCheck:
        own = account.settings_as(WhatsAppAccount)
        missing = [
            name
            for name in ("phone_number_id", "access_token", "app_secret", "verify_token")
            if not getattr(own, name)
        ]
        if missing:
            return ConnectionCheck(False, f"Not set yet: {', '.join(missing)}.")
        fields = "display_phone_number,verified_name,quality_rating"
        try:
            found = _json(
                await _asked("GET", f"{_url(ctx, own.phone_number_id)}?fields={fields}", account, ctx)
            )
        except ChannelError as error:
            return ConnectionCheck(False, f"{error}.")
        number = str(found.get("display_phone_number", ""))[:30] if isinstance(found, Mapping) else ""
        return ConnectionCheck(True, f"WhatsApp knows the number {number}.")

    def sending_mode(
        self, author: Author, silent_for: timedelta | None, account: ChannelAccount
    ) -> SendingMode:
        """Text within 24 hours of the visitor's last message; then an approved template, or nothing."""
        if silent_for is not None and silent_for < WINDOW - MARGIN:
            return "text"
        return "template" if account.settings_as(WhatsAppAccount).template_name else "never"

    def format(self, text: str) -> str:
        return restyle(text, STYLE)


def _what(message: OutboundMessage, own: WhatsAppAccount) -> Mapping[str, Any]:
    if message.mode == "template":
        # A parameter has no line breaks, tabs, or rows of blanks.
        words = " ".join(message.text.split())
        cut = words if len(words) <= MAX_PARAMETER_CHARS else f"{words[: MAX_PARAMETER_CHARS - 1]}…"
        body = {"type": "body", "parameters": [{"type": "text", "text": cut}]}
        template = {
            "name": own.template_name,
            "language": {"code": own.template_language},
            "components": [body],
        }
        return {"type": "template", "template": template}
    answered = {"context": {"message_id": message.in_reply_to}} if message.in_reply_to else {}
    return {"type": "text", "text": {"preview_url": False, "body": message.text}, **answered}


def _url(ctx: PluginContext, path: str) -> str:
    settings = ctx.settings_as(WhatsAppSettings)
    return f"{settings.base_url.rstrip('/')}/{settings.api_version}/{path}"


def _messages_url(account: ChannelAccount, ctx: PluginContext) -> str:
    return _url(ctx, f"{account.settings_as(WhatsAppAccount).phone_number_id}/messages")


async def _asked(
    method: str,
    url: str,
    account: ChannelAccount,
    ctx: PluginContext,
    content: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Meta's good answer. Raises `ChannelError`."""
    headers = _authorization(account)
    if content is not None:
        headers["content-type"] = "application/json"
    body = json.dumps(content).encode() if content is not None else None
    try:
        response = await ctx.http.request(method, url, headers=headers, content=body, max_bytes=100_000)
    except HttpError as error:
        fault: ChannelFault = "refused" if error.was_sent else "busy"
        raise ChannelError(
            "WhatsApp gave no answer", fault=fault, is_outcome_known=not error.was_sent
        ) from None
    if not 200 <= response.status < 300:
        raise failure_of(response, ctx.clock.now())
    return response


def _authorization(account: ChannelAccount) -> dict[str, str]:
    token = account.settings_as(WhatsAppAccount).access_token
    if token is None:
        raise ChannelError("the account has no access token", fault="account")
    return {"authorization": f"Bearer {token.get_secret_value().strip()}"}


def _json(response: HttpResponse) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ChannelError("WhatsApp's answer is no JSON", is_outcome_known=False) from None
