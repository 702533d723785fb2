"""Gateways: payment vendors. Amounts are `Decimal` in the currency's major unit (12.50 is 12 euros 50)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

from csai_sdk.errors import GatewayError

if TYPE_CHECKING:
    from csai_sdk.channel import WebhookRequest
    from csai_sdk.context import PluginContext

PaymentStatus = Literal["pending", "requires_action", "paid", "failed", "refunded"]
Dispute = Literal["", "open", "won", "lost"]
"""What became of a payer's objection: none is known of, it is open, the money stays, the money is gone."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, where the vendor knows them already: its ids of a customer and of a way that they saved.

    `method` may be empty: the customer's default way of paying is then meant.
    """

    customer: str
    method: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at the vendor; `id` is the vendor's, `redirect_url` where a payer must act.

    `refunded` is what was given back of `amount` so far; None where the answer does not tell. `method` is how
    it is paid, in the vendor's word (`card`, `sepa_debit`), `reason` why it failed, in a few words. `dispute`
    is how a chargeback of it stands.
    """

    id: str
    status: PaymentStatus
    amount: Decimal
    currency: str
    redirect_url: str = ""
    refunded: Decimal | None = None
    method: str = ""
    reason: str = ""
    dispute: Dispute = ""


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """What a webhook told: `id` recognises a repeated delivery.

    Deliveries come late, twice and in any order. What the event tells beside the status is compared and
    kept, where it is given: the whole `amount` in `currency`, what was `refunded` of it so far, the
    `reference` that the payment was announced with, and `at`, the moment of which the event tells, by the
    vendor's clock. What tells of a `dispute` tells of a payment that was `paid`.
    """

    id: str
    payment_id: str
    status: PaymentStatus
    amount: Decimal | None = None
    currency: str = ""
    refunded: Decimal | None = None
    reference: str = ""
    at: datetime | None = None
    method: str = ""
    reason: str = ""
    dispute: Dispute = ""


class Gateway(ABC):
    """A payment vendor. Its account is the operator's: the context is the installation's, not a client's.

    Every call that moves money carries an `idempotency_key`, equal over retries. All methods raise
    `GatewayError`, with `is_outcome_known=False` after a timeout: the server then asks with `payment_status`
    or `find_payment`, and repeats the call with the same key and the same arguments. A card that is declined
    is no error but a `Payment` that failed, with its `reason`.
    """

    id: str

    idempotency_s: ClassVar[float] = 86_400
    """How long the vendor knows an idempotency key: an older one is never sent again."""

    @abstractmethod
    async def create_payment_intent(
        self,
        *,
        amount: Decimal,
        currency: str,
        reference: str,
        idempotency_key: str,
        payer: Payer | None,
        ctx: PluginContext,
    ) -> Payment:
        """Announce a payment; nothing is collected yet.

        `reference` is csai's own id of this payment: hand it to the vendor, which gives it back in webhooks
        and searches. Without a `payer` the payment is one that somebody pays at its `redirect_url`.
        """

    @abstractmethod
    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        """Collect an announced payment. What is collected already is returned as it is."""

    @abstractmethod
    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        """Give back `amount`, or everything when it is None."""

    @abstractmethod
    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        """What the vendor knows of the payment now."""

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        """Call off a payment that nobody has made yet, so that nobody can any more: then it has `failed`.

        What was paid before is returned as it is. Called when an invoice is void, paid by other ways, or
        charged anew. Raises `GatewayError` where the vendor cannot, as this one does.
        """
        raise GatewayError("this vendor cannot call off a payment")

    async def find_payment(self, reference: str, ctx: PluginContext) -> Payment | None:
        """The payment that was announced with `reference`; None where the vendor certainly has none.

        Called when the answer to `create_payment_intent` was lost. Raises `GatewayError` where the vendor
        cannot be asked, as this one does.
        """
        raise GatewayError("this vendor cannot be asked for a payment by its reference")

    @abstractmethod
    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        """Verify the raw body and read it; None for events of no interest.

        Raises `WebhookForged` when the signature is missing or wrong, also when no secret is set, and always
        where the vendor sends no webhooks.
        """
