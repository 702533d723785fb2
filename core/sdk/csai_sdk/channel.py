"""Channels: where messages come in and go out beside the widget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csai_sdk.context import PluginContext


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A vendor's delivery as it came: raw body, header names in lower case, the address it was sent to."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A visitor's message from a channel.

    `message_id` is the vendor's id: a repeated delivery is recognised by it. `address` is where an answer
    goes (a telephone number, a page-scoped id, a mail address).
    """

    message_id: str
    address: str
    text: str
    sender_name: str = ""


class Channel(ABC):
    """A message channel."""

    id: str

    @abstractmethod
    async def receive(self, request: WebhookRequest, ctx: PluginContext) -> Sequence[InboundMessage]:
        """Verify and read one delivery; the empty sequence for receipts and other news.

        Raises `WebhookForged` when the signature is missing or wrong, also when no secret is set.
        """

    @abstractmethod
    async def send(self, address: str, text: str, message_id: str, ctx: PluginContext) -> str:
        """Send `text`; returns the vendor's id of what was sent.

        `message_id` is stable over retries: hand it on where the vendor takes an idempotency key.
        Raises `ToolError`, with `is_outcome_known=False` after a timeout.
        """
