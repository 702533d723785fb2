"""Channels: where messages come in and go out beside the widget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from csai_sdk.errors import ChannelError, SettingsError, WebhookForged
from csai_sdk.settings import PluginSettings

if TYPE_CHECKING:
    from csai_sdk.context import PluginContext
    from csai_sdk.integration import ConnectionCheck

S = TypeVar("S", bound=PluginSettings)

MediaKind = Literal["image", "audio", "video", "document", "sticker", "other"]
Consent = Literal["stop", "start", "help"]
Author = Literal["ai", "teammate", "system"]
SendingMode = Literal["text", "template", "never"]
Delivery = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A vendor's delivery as it came: raw body, header names in lower case, the address it was sent to.

    `url` is the public one, with its query, where the operator has set the server's public address.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One account at the vendor that a client has set up: a number, a page, a mailbox.

    `settings` are an instance of the channel's `account_model`. `webhook_url` is where the vendor is to send
    its deliveries; empty where the server's public address is not set.
    """

    id: str
    settings: PluginSettings
    webhook_url: str = ""

    def settings_as(self, model: type[S]) -> S:
        """The settings, typed as the channel's `account_model`."""
        if not isinstance(self.settings, model):
            raise SettingsError(f"the account's settings are no {model.__name__}")
        return self.settings


@dataclass(frozen=True, slots=True)
class Media:
    """A file that came with a message. `ref` is what `Channel.fetch` finds it by; it may expire."""

    kind: MediaKind
    ref: str
    mime_type: str = ""
    size_bytes: int | None = None
    """None where the vendor does not say."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A visitor's message from a channel.

    `message_id` is the vendor's id: a repeated delivery is recognised by it. `address` is where an answer
    goes (a telephone number, a page-scoped id, a mail address), always written the same way. `text` says in
    words also what is no text: a place, a contact, a button. `thread` tells conversations of one address
    apart; empty where there is only one. `subject` and `references` (ids of earlier messages, oldest first)
    are handed back with the answer. `consent` is set where the vendor itself understood the message as a wish
    to hear no more, or to hear again; else the server looks at its words. `sent_at` is when it was written,
    where the vendor vouches for it: windows are counted from it, what is older than a week is passed over.
    """

    message_id: str
    address: str
    text: str
    sender_name: str = ""
    media: tuple[Media, ...] = ()
    thread: str = ""
    subject: str = ""
    references: tuple[str, ...] = ()
    consent: Consent | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """What became of a message that was sent.

    `message_id` is what `send` returned; `reference` the `OutboundMessage.id`, where the vendor gives it
    back: then a message is found by it whose sending had no known outcome. `code` and `detail` are the
    vendor's reason of a failure, without anybody's words; `is_opted_out` tells that the address wants no
    messages.
    """

    message_id: str
    status: Delivery
    reference: str = ""
    code: str = ""
    detail: str = ""
    is_opted_out: bool = False


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """What an operator should know of the account: a template that was paused, a number that was flagged."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of all that an address was sent before a moment, where no single message is told of."""

    address: str
    status: Literal["delivered", "read"]
    until: datetime


ChannelNews = InboundMessage | DeliveryStatus | Receipt | AccountNotice


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """What is to be sent. `text` is one piece, formatted by `Channel.format` and short enough.

    `id` is stable over retries: hand it on where the vendor takes an idempotency key, or gives it back with
    its statuses. `mode` is what `Channel.sending_mode` said. `in_reply_to` is the vendor's id of the
    visitor's message that it answers, `references` those before it.
    """

    id: str
    address: str
    text: str
    author: Author = "ai"
    mode: SendingMode = "text"
    thread: str = ""
    subject: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Polled:
    """What looking for news found. `cursor` (any JSON) is handed to the next look; it is kept with the news,
    in one transaction."""

    news: Sequence[ChannelNews]
    cursor: Any = field(default=None)


class Channel(ABC):
    """A message channel. Whatever it does at the vendor, it does as an account.

    News come by webhook (`receive`), or are looked for (`poll`), and are stored before the vendor is
    answered. The server runs the visitor's turn and sends the answer later, piece by piece and in order.
    """

    id: str

    account_model: ClassVar[type[PluginSettings]] = PluginSettings
    """What an account is set up with; its form is drawn from it. Secrets are `SecretStr`."""

    max_chars: ClassVar[int] = 4_000
    """The longest message, as `length` counts it; what is longer is sent in pieces."""

    max_delivery_bytes: ClassVar[int] = 256_000
    """The largest delivery that is read; more is 413. Raise it where deliveries hold files."""

    is_address_verified: ClassVar[bool] = False
    """Whether the vendor vouches that a message comes from its address. The visitor is then verified, as
    `{channel}:{address}`, and may use private tools; otherwise that is a mere label."""

    is_mail: ClassVar[bool] = False
    """Whether its addresses are e-mail addresses. What a teammate says to a visitor of the widget who left
    one, and then the page, is sent there: the first message of a thread, which answers nothing."""

    is_idempotent: ClassVar[bool] = False
    """Whether the vendor sends a message with the same `OutboundMessage.id` once, however often it is asked.
    What has no known outcome is then tried again; otherwise it is recorded as unknown and left alone."""

    answers_consent: ClassVar[bool] = False
    """Whether the vendor itself answers the wishes that it tells of (`InboundMessage.consent`), so that the
    server does not. Those that only the server understands are answered by the server."""

    answers_per_hour: ClassVar[int | None] = None
    """How many messages of one address are answered within an hour; more pass for two machines that write to
    each other. None where people may write as they like."""

    webhook_answer: ClassVar[tuple[str, str]] = ("text/plain", "")
    """Media type and body of the answer to a delivery that was taken."""

    poll_every_s: ClassVar[float | None] = None
    """How often to look for news; None where they come by webhook."""

    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        """The answer to a vendor's GET that asks whether the webhook is the account's own.

        Raises `WebhookForged` for anything else. Vendors that do not ask leave this as it is.
        """
        raise WebhookForged("this channel's webhook takes deliveries by POST only")

    @abstractmethod
    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        """Verify and read one delivery; the empty sequence where it tells nothing of use.

        Must not call the vendor: it waits for the answer. Raises `WebhookForged` when the signature is
        missing or wrong, also when no secret is set, and for a body that makes no sense.
        """

    @abstractmethod
    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        """Send one piece; returns the vendor's id of it.

        Raises `ChannelError`, with `is_outcome_known=False` after a timeout.
        """

    async def poll(self, cursor: Any, account: ChannelAccount, ctx: PluginContext) -> Polled:
        """Look for news since `cursor`, which is None at the first look. Only with `poll_every_s`.

        Messages that come again are recognised by their ids. Raises `ChannelError`.
        """
        raise ChannelError("this channel is not polled")

    async def check(self, account: ChannelAccount, ctx: PluginContext) -> ConnectionCheck | None:
        """Try the account without sending anything; None where there is nothing to try.

        Raises nothing that an admin could cause.
        """
        return None

    async def seen(self, message: InboundMessage, account: ChannelAccount, ctx: PluginContext) -> None:
        """The visitor's message is about to be answered: mark it read, show that somebody writes.

        Best effort: what it raises is logged. `message` has its ids and address; its text may be left out.
        """
        return

    async def fetch(
        self, media: Media, account: ChannelAccount, ctx: PluginContext, *, max_bytes: int
    ) -> bytes:
        """A file that came with a message. Raises `ChannelError`, also when it is larger than `max_bytes`."""
        raise ChannelError("this channel does not fetch files")

    def sending_mode(
        self, author: Author, silent_for: timedelta | None, account: ChannelAccount
    ) -> SendingMode:
        """What may be sent now: any `text`, only a `template`, or nothing (`never`).

        `silent_for` is the time since the visitor last wrote; None where they never did. With `template`,
        `send` is called once for the whole answer and puts into it what it takes. Must not do I/O.
        """
        return "text"

    def format(self, text: str) -> str:
        """Markdown in the vendor's own formatting. Must not do I/O."""
        return text

    def length(self, text: str) -> int:
        """How long formatted text is, in the units of `max_chars`."""
        return len(text)
