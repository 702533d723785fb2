"""Gateways: payment vendors. Amounts are `Decimal` in the currency's major unit (12.50 is 12 euros 50)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from csai_sdk.channel import WebhookRequest
    from csai_sdk.context import PluginContext

PaymentStatus = Literal["pending", "requires_action", "paid", "failed", "refunded"]


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at the vendor; `id` is the vendor's, `redirect_url` where a payer must act."""

    id: str
    status: PaymentStatus
    amount: Decimal
    currency: str
    redirect_url: str = ""


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """What a webhook told: `id` recognises a repeated delivery."""

    id: str
    payment_id: str
    status: PaymentStatus


class Gateway(ABC):
    """A payment vendor. Every call that moves money carries an `idempotency_key`, equal over retries.

    All methods raise `GatewayError`, with `is_outcome_known=False` after a timeout.
    """

    id: str

    @abstractmethod
    async def create_payment_intent(
        self, *, amount: Decimal, currency: str, reference: str, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        """Announce a payment; `reference` is the invoice's id."""

    @abstractmethod
    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        """Collect an announced payment."""

    @abstractmethod
    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        """Give back `amount`, or everything when it is None."""

    @abstractmethod
    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        """What the vendor knows of the payment now."""

    @abstractmethod
    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        """Verify the raw body and read it; None for events of no interest.

        Raises `WebhookForged` when the signature is missing or wrong, also when no secret is set.
        """
