"""A channel for tests: signed deliveries in, what is sent kept in a list, and a vendor that fails as told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from csai.channels.account import account_settings, webhook_path
from csai.channels.repository import AccountRepository
from csai.kit.identifier import new_id
from csai.plugins.stored import StoredSettings
from csai_sdk import (
    AccountNotice,
    Channel,
    ChannelAccount,
    ChannelNews,
    DeliveryStatus,
    InboundMessage,
    Media,
    OutboundMessage,
    PluginContext,
    PluginSettings,
    Receipt,
    WebhookForged,
    WebhookRequest,
    hookimpl,
)
from csai_sdk.channel import Author, SendingMode
from pydantic import Field, SecretStr

from tests.support.server import Server

SECRET = "a secret of the pigeon's"
ADDRESS = "+3545550143"


class PigeonAccount(PluginSettings):
    secret: SecretStr | None = Field(default=None, title="Secret", description="Signs what comes in.")
    label: str = Field(default="", title="Label", description="What it is called.")


class Pigeon(Channel):
    """Keeps what it sends. `outcomes` are taken one a message: an error is raised, a function called."""

    id = "pigeon"
    account_model = PigeonAccount
    max_chars = 200
    webhook_answer = ("application/json", "{}")

    def __init__(self) -> None:
        self.sent: list[OutboundMessage] = []
        self.seen_ids: list[str] = []
        self.outcomes: list[BaseException | Callable[[], Any]] = []
        self.modes: dict[str, SendingMode] = {}
        self.silences: list[timedelta | None] = []

    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        asked = dict(parse_qsl(urlsplit(request.url).query))
        if asked.get("token") != secret_of(account):
            raise WebhookForged("the token is wrong")
        return asked["challenge"]

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        secret = secret_of(account)
        given = request.headers.get("x-signature", "")
        if not secret or not hmac.compare_digest(signature(secret, request.body), given):
            raise WebhookForged("the signature is wrong")
        return [read(each) for each in json.loads(request.body)]

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        if self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, BaseException):
                raise outcome
            outcome()
        self.sent.append(message)
        return f"sent-{len(self.sent)}"

    async def seen(self, message: InboundMessage, account: ChannelAccount, ctx: PluginContext) -> None:
        self.seen_ids.append(message.message_id)

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        return f"the words of {media.ref}".encode()

    def sending_mode(
        self, author: Author, silent_for: timedelta | None, account: ChannelAccount
    ) -> SendingMode:
        self.silences.append(silent_for)
        return self.modes.get(author, "text")


class Pigeonry:
    """The plugin with a pigeon in it."""

    def __init__(self, pigeon: Channel) -> None:
        self.pigeon = pigeon

    @hookimpl
    def register_channels(self) -> Sequence[Channel]:
        return [self.pigeon]


def secret_of(account: ChannelAccount) -> str:
    secret = account.settings_as(PigeonAccount).secret
    return secret.get_secret_value() if secret else ""


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def read(told: dict[str, Any]) -> ChannelNews:
    kind = told.pop("kind", "message")
    if kind == "status":
        return DeliveryStatus(**told)
    if kind == "notice":
        return AccountNotice(**told)
    if kind == "receipt":
        return Receipt(**told | {"until": datetime.fromisoformat(told["until"])})
    media = tuple(Media(**each) for each in told.pop("media", ()))
    sent_at = datetime.fromisoformat(told.pop("sent_at")) if "sent_at" in told else None
    return InboundMessage(**told, media=media, sent_at=sent_at)


def said(text: str, message_id: str = "m-1", **more: Any) -> dict[str, Any]:
    return {"message_id": message_id, "address": ADDRESS, "text": text, **more}


def status(message_id: str, what: str, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "message_id": message_id, "status": what, **more}


class Coop:
    """An account on a server, with what a test does to it."""

    def __init__(self, server: Server, pigeon: Pigeon, account_id: str, path: str) -> None:
        self.server, self.pigeon, self.account_id, self.path = server, pigeon, account_id, path

    async def deliver(self, *told: dict[str, Any], secret: str = SECRET) -> httpx.Response:
        body = json.dumps(told).encode()
        headers = {"x-signature": signature(secret, body)}
        return await self.server.http.post(self.path, content=body, headers=headers)

    async def work(self) -> list[str]:
        """Do all that is due, until nothing is; what came of each task."""
        done: list[str] = []
        while tasks := await self.server.services.channels.claim():
            done += await asyncio.gather(
                *(
                    self.server.services.channels.do(each.kind, each.client_id, each.item_id, each.number)
                    for each in tasks
                )
            )
        return done

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.pigeon.sent]


async def open_coop(server: Server, pigeon: Pigeon, *, client_id: str = "", **settings: Any) -> Coop:
    """An account of the server's client."""
    services, account_id = server.services, new_id()
    client_id = client_id or server.client.id
    _plugin_id, channel = services.registry.channels["pigeon"]
    own = account_settings(channel, client_id, account_id, keyring=services.keyring)
    async with services.database.write() as transaction:
        accounts = AccountRepository(transaction, client_id)
        await accounts.add(
            account_id,
            channel="pigeon",
            name="The coop",
            stored=own.changed(StoredSettings({}, None, 1), given={"secret": SECRET, **settings}),
            next_poll_at=None,
            now=services.clock.now(),
        )
        row = await accounts.find(account_id)
    assert row is not None
    return Coop(server, pigeon, account_id, webhook_path("pigeon", row.public_id))
