"""The channel: csai's words turned into a page's messages and back.

Source: https://developers.facebook.com/docs/messenger-platform/send-messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
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
    retry_after_s,
)
from csai_sdk.channel import Author, SendingMode
from csai_sdk.errors import ChannelFault

from csai_channel_messenger.delivery import read
from csai_channel_messenger.settings import MessengerAccount, MessengerSettings

WINDOW, HUMAN_WINDOW = timedelta(hours=24), timedelta(days=7)
# A message takes its time to Meta.
MARGIN = timedelta(minutes=2)
_MEDIA_HOSTS = (".fbcdn.net", ".fbsbx.com", ".facebook.com")

_FAULTS: Mapping[int, ChannelFault] = {
    **dict.fromkeys((1, 2, 4, 9, 17, 32, 341, 613, 1200, 80006), "busy"),
    **dict.fromkeys((3, 102, 190, 230, 368), "account"),
    551: "address",
}
_BY_SUBCODE: Mapping[int, ChannelFault] = {
    2018278: "window_closed",
    2018001: "address",
    2018108: "address",
    1545041: "address",
}
_WORDS: Mapping[ChannelFault, str] = {
    "busy": "Messenger asks for fewer messages, or is out of order",
    "account": "Messenger refuses the page: check its token and permissions",
    "address": "the person cannot be reached",
    "window_closed": "the visitor has not written lately enough",
    "refused": "Messenger refused the message",
}


class Messenger(Channel):
    """Pages on the Messenger Platform."""

    id = "messenger"
    account_model = MessengerAccount
    max_chars = 2_000
    is_address_verified = True

    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        return hub_challenge(request, account.settings_as(MessengerAccount).verify_token)

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        own = account.settings_as(MessengerAccount)
        check_hub_signature(request, own.app_secret)
        return read(request.body, own.page_id)

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        is_tagged = message.author == "teammate" and account.settings_as(MessengerAccount).has_human_agent
        kind = (
            {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
            if is_tagged
            else {"messaging_type": "RESPONSE"}
        )
        # The metadata comes back with the echo: a message is known whose sending nobody heard the end of.
        what = {"text": message.text, "metadata": message.id}
        content = {"recipient": {"id": message.address}, **kind, "message": what}
        said = _json(await _asked("POST", "/messages", account, ctx, content))
        try:
            return str(said["message_id"])
        except (KeyError, TypeError):
            raise ChannelError("Messenger's answer has no id", is_outcome_known=False) from None

    async def seen(self, message: InboundMessage, account: ChannelAccount, ctx: PluginContext) -> None:
        if not account.settings_as(MessengerAccount).shows_typing:
            return
        for action in ("mark_seen", "typing_on"):
            content = {"recipient": {"id": message.address}, "sender_action": action}
            await _asked("POST", "/messages", account, ctx, content)

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        """From Meta's storage, whose addresses are secrets of their own: no token goes there."""
        base_url = ctx.settings_as(MessengerSettings).base_url
        return await fetch_file(media.ref, ctx, base_url=base_url, hosts=_MEDIA_HOSTS, max_bytes=max_bytes)

    async def check(self, account: ChannelAccount, ctx: PluginContext) -> ConnectionCheck:
        own = account.settings_as(MessengerAccount)
        names = ("page_id", "page_token", "app_secret", "verify_token")
        if missing := [name for name in names if not getattr(own, name)]:
            return ConnectionCheck(False, f"Not set yet: {', '.join(missing)}.")
        try:
            found = _json(await _asked("GET", "?fields=name", account, ctx))
        except ChannelError as error:
            return ConnectionCheck(False, f"{error}.")
        name = str(found.get("name", ""))[:100] if isinstance(found, Mapping) else ""
        return ConnectionCheck(True, f"Messenger knows the page {name}.")

    def sending_mode(
        self, author: Author, silent_for: timedelta | None, account: ChannelAccount
    ) -> SendingMode:
        """Within 24 hours of the visitor's last message; a teammate's within seven days, where granted."""
        is_human = author == "teammate" and account.settings_as(MessengerAccount).has_human_agent
        window = HUMAN_WINDOW if is_human else WINDOW
        return "text" if silent_for is not None and silent_for < window - MARGIN else "never"

    def format(self, text: str) -> str:
        return restyle(text, TextStyle())


async def _asked(
    method: str,
    path: str,
    account: ChannelAccount,
    ctx: PluginContext,
    content: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Meta's good answer. Raises `ChannelError`."""
    own, settings = account.settings_as(MessengerAccount), ctx.settings_as(MessengerSettings)
    if own.page_token is None:
        raise ChannelError("the account has no page access token", fault="account")
    url = f"{settings.base_url.rstrip('/')}/{settings.api_version}/{own.page_id}{path}"
    headers = {
        "authorization": f"Bearer {own.page_token.get_secret_value().strip()}",
        "content-type": "application/json",
    }
    body = json.dumps(content).encode() if content is not None else None
    try:
        response = await ctx.http.request(method, url, headers=headers, content=body, max_bytes=100_000)
    except HttpError as error:
        fault: ChannelFault = "refused" if error.was_sent else "busy"
        raise ChannelError(
            "Messenger gave no answer", fault=fault, is_outcome_known=not error.was_sent
        ) from None
    if not 200 <= response.status < 300:
        raise _failure(response, ctx.clock.now())
    return response


def _failure(response: HttpResponse, now: datetime) -> ChannelError:
    """Source: https://developers.facebook.com/docs/messenger-platform/error-codes. Without Meta's words."""
    try:
        error = json.loads(response.body)["error"]
        code, subcode, has_code = int(error["code"]), int(error.get("error_subcode", 0)), True
    except (ValueError, KeyError, TypeError, RecursionError):
        code, subcode, has_code = 0, 0, False
    fault: ChannelFault = "refused"
    if subcode in _BY_SUBCODE or code in _FAULTS:
        fault = _BY_SUBCODE.get(subcode) or _FAULTS[code]
    elif code == 10 or 200 <= code < 300 or response.status in (401, 403):
        fault = "account"
    elif response.status == 429 or response.status >= 500:
        fault = "busy"
    return ChannelError(
        f"{_WORDS[fault]} (HTTP {response.status})",
        fault=fault,
        is_outcome_known=has_code or response.status < 500,
        retry_after_s=retry_after_s(response.headers, now),
        code=f"{code}/{subcode}" if subcode else str(code) if has_code else f"HTTP {response.status}",
    )


def _json(response: HttpResponse) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise ChannelError("Messenger's answer is no JSON", is_outcome_known=False) from None
