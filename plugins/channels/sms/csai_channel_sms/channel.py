"""The channel: csai's words turned into text messages and back.

Source: https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from csai_sdk import (
    Channel,
    ChannelAccount,
    ChannelError,
    ChannelNews,
    ConnectionCheck,
    HttpError,
    HttpResponse,
    Media,
    OutboundMessage,
    PluginContext,
    TextStyle,
    WebhookRequest,
    fetch_file,
    restyle,
    retry_after_s,
)
from csai_sdk.errors import ChannelFault

from csai_channel_sms.delivery import REFERENCE, genuine_fields, read
from csai_channel_sms.segment import segments, simplified
from csai_channel_sms.settings import SmsAccount, SmsSettings

_FAULTS: Mapping[int, ChannelFault] = {
    **dict.fromkeys((20429, 14107, 20500, 20503, 30001, 30022), "busy"),
    **dict.fromkeys((20003, 20005, 20404, 21212, 21606, 21408, 21659, 21703, 21704, 30002, 30010), "account"),
    **dict.fromkeys((21211, 21214, 21217, 21612, 21614, 30003, 30005, 30006), "address"),
    21610: "opted_out",
}
_WORDS: Mapping[ChannelFault, str] = {
    "busy": "Twilio asks for fewer messages, or is out of order",
    "account": "Twilio refuses the account: check its token, sender, permissions and balance",
    "address": "the number cannot get text messages",
    "opted_out": "the number has asked for no more messages (STOP)",
    "refused": "Twilio refused the message",
}


class Sms(Channel):
    """Numbers and messaging services of Twilio."""

    id = "sms"
    account_model = SmsAccount
    max_chars = 10
    """In segments, as `length` counts: with 1,530 characters, or 670 beyond GSM's, below Twilio's 1,600."""
    answers_consent = True
    webhook_answer = ("text/xml", "<Response/>")

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        own = account.settings_as(SmsAccount)
        return read(genuine_fields(request, own.auth_token), request.url, own.sender)

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        own = account.settings_as(SmsAccount)
        sender = "MessagingServiceSid" if own.sender.startswith("MG") else "From"
        content = {"To": message.address, sender: own.sender, "Body": message.text}
        if account.webhook_url:
            content["StatusCallback"] = f"{account.webhook_url}?{urlencode({REFERENCE: message.id})}"
        said = _json(await _asked("POST", _url(account, ctx, "/Messages.json"), account, ctx, content))
        try:
            return str(said["sid"])
        except (KeyError, TypeError):
            raise ChannelError("Twilio's answer has no id", is_outcome_known=False) from None

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        """Twilio leads on to its storage, which gets no password."""
        return await fetch_file(
            media.ref,
            ctx,
            base_url=ctx.settings_as(SmsSettings).base_url,
            headers={"authorization": _authorization(account)},
            max_bytes=max_bytes,
        )

    async def check(self, account: ChannelAccount, ctx: PluginContext) -> ConnectionCheck:
        own = account.settings_as(SmsAccount)
        missing = [name for name in ("account_sid", "auth_token", "sender") if not getattr(own, name)]
        if missing:
            return ConnectionCheck(False, f"Not set yet: {', '.join(missing)}.")
        if not account.webhook_url:
            return ConnectionCheck(False, "CSAI_PUBLIC_URL is not set: Twilio signs the webhook's address.")
        try:
            found = _json(await _asked("GET", _url(account, ctx, ".json"), account, ctx))
        except ChannelError as error:
            return ConnectionCheck(False, f"{error}.")
        status = str(found.get("status", "")) if isinstance(found, Mapping) else ""
        return ConnectionCheck(status == "active", f"Twilio says that the account is {status[:20]}.")

    def format(self, text: str) -> str:
        return simplified(restyle(text, TextStyle()))

    def length(self, text: str) -> int:
        return segments(text)


def _url(account: ChannelAccount, ctx: PluginContext, path: str) -> str:
    base_url = ctx.settings_as(SmsSettings).base_url.rstrip("/")
    return f"{base_url}/2010-04-01/Accounts/{account.settings_as(SmsAccount).account_sid}{path}"


def _authorization(account: ChannelAccount) -> str:
    own = account.settings_as(SmsAccount)
    user, secret = own.account_sid, own.auth_token
    if own.api_key_sid and own.api_key_secret is not None:
        user, secret = own.api_key_sid, own.api_key_secret
    if secret is None:
        raise ChannelError("the account has no auth token", fault="account")
    return "Basic " + base64.b64encode(f"{user}:{secret.get_secret_value()}".encode()).decode()


async def _asked(
    method: str,
    url: str,
    account: ChannelAccount,
    ctx: PluginContext,
    content: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Twilio's good answer. Raises `ChannelError`."""
    headers = {"authorization": _authorization(account)}
    if content is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    body = urlencode(content).encode() if content is not None else None
    try:
        response = await ctx.http.request(method, url, headers=headers, content=body, max_bytes=100_000)
    except HttpError as error:
        fault: ChannelFault = "refused" if error.was_sent else "busy"
        raise ChannelError(
            "Twilio gave no answer", fault=fault, is_outcome_known=not error.was_sent
        ) from None
    if not 200 <= response.status < 300:
        raise _failure(response, ctx.clock.now())
    return response


def _failure(response: HttpResponse, now: datetime) -> ChannelError:
    """Source: https://www.twilio.com/docs/api/errors. None of Twilio's words are in it."""
    try:
        code = int(json.loads(response.body)["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        code = 0
    by_status: ChannelFault = (
        "account"
        if response.status in (401, 403)
        else "busy"
        if response.status == 429 or response.status >= 500
        else "refused"
    )
    fault = _FAULTS.get(code, by_status)
    return ChannelError(
        f"{_WORDS[fault]} (HTTP {response.status})",
        fault=fault,
        is_outcome_known=response.status < 500,
        retry_after_s=retry_after_s(response.headers, now),
        code=str(code) if code else f"HTTP {response.status}",
    )


def _json(response: HttpResponse) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ChannelError("Twilio's answer is no JSON", is_outcome_known=False) from None
