"""csai gateway: money that comes by other ways than a payment vendor; an admin books what has arrived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from csai_sdk import (
    Gateway,
    GatewayError,
    Payer,
    Payment,
    PaymentEvent,
    PluginContext,
    PluginSettings,
    WebhookForged,
    WebhookRequest,
    hookimpl,
)
from pydantic import Field

__all__ = ["ManualGateway", "ManualSettings", "register_gateways", "register_settings"]

_ID = re.compile(r"(\d{1,13}(?:\.\d{1,6})?)-([A-Z]{3})-(.+)", re.DOTALL)


class ManualSettings(PluginSettings):
    payment_method: str = Field(
        default="bank_transfer",
        title="Payment method",
        description="How invoices are usually paid: bank_transfer, cash, cheque. It stands on the invoice.",
        min_length=1,
        max_length=50,
        json_schema_extra={"env": "CSAI_MANUAL_PAYMENT_METHOD"},
    )


class ManualGateway(Gateway):
    """Payments that wait until an admin says that they have come.

    There is nobody to ask, so an id says all that is known of its payment: amount, currency, reference. What
    an admin books is kept by csai; here a payment waits for ever.
    """

    id = "manual"

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
        return _payment(f"{amount:f}-{currency.upper()}-{reference}", ctx)

    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        return _payment(payment_id, ctx)

    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        """The operator sends the money back; this says only what that comes to."""
        waiting = _payment(payment_id, ctx)
        back = waiting.amount if amount is None else amount
        if not 0 < back <= waiting.amount:
            raise GatewayError("more was to be given back than was asked for")
        is_all = back == waiting.amount
        return Payment(
            waiting.id,
            "refunded" if is_all else "paid",
            waiting.amount,
            waiting.currency,
            refunded=back if is_all else None,
            method=waiting.method,
        )

    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        return _payment(payment_id, ctx)

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        """Nobody has to be told but whoever was going to transfer the money."""
        return replace(_payment(payment_id, ctx), status="failed", reason="called off")

    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        raise WebhookForged("nobody sends webhooks about payments that are booked by hand")


def _payment(payment_id: str, ctx: PluginContext) -> Payment:
    found = _ID.fullmatch(payment_id)
    if found is None:
        raise GatewayError("this is no payment that is booked by hand")
    method = ctx.settings_as(ManualSettings).payment_method
    return Payment(payment_id, "pending", Decimal(found[1]), found[2], method=method)


@hookimpl
def register_settings() -> type[PluginSettings]:
    return ManualSettings


@hookimpl
def register_gateways() -> Sequence[Gateway]:
    return [ManualGateway()]
