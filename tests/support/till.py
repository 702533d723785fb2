"""A payment vendor in the test's own process, with its gateway: it keeps its word on idempotency keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from csai_sdk import (
    Gateway,
    GatewayError,
    Payer,
    Payment,
    PaymentEvent,
    PluginContext,
    WebhookForged,
    WebhookRequest,
    hookimpl,
)

SECRET = "whsec_of_the_till"


@dataclass
class Vendor:
    """What the vendor holds. `lose` answers after the work is done, `refuse` before it is."""

    payments: dict[str, Payment] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[object, Payment]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    given_back: list[Decimal] = field(default_factory=list)
    payers: list[Payer | None] = field(default_factory=list)
    lose: list[str] = field(default_factory=list)
    """Operations whose next answers are lost."""
    refuse: list[str] = field(default_factory=list)
    """Operations that are refused the next time, for certain."""
    goes_dark: bool = False
    """Whether nobody can reach it once it has lost an answer."""
    is_dark: bool = False
    decline: str = ""
    distort: dict[str, Any] = field(default_factory=dict)
    """What stands in its answers instead of the truth."""
    can_search: bool = True
    wait: asyncio.Event | None = None
    """What collecting waits for."""
    collecting: asyncio.Event = field(default_factory=asyncio.Event)

    def forget_keys(self) -> None:
        self.answers.clear()


class Till(Gateway):
    id = "till"

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

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
        def work() -> Payment:
            vendor = self.vendor
            vendor.payers.append(payer)
            made = Payment(f"pay_{len(vendor.payments) + 1}", "pending", amount, currency)
            if payer is None:
                made = replace(made, status="requires_action", redirect_url="https://till.example/pay")
            vendor.references[reference] = made.id
            return made

        return await self._once("create", idempotency_key, (amount, currency, reference, payer), work)

    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        self.vendor.collecting.set()
        if self.vendor.wait is not None:
            await self.vendor.wait.wait()

        def work() -> Payment:
            payment = self.vendor.payments[payment_id]
            if self.vendor.decline:
                return replace(payment, status="failed", reason=self.vendor.decline)
            self.vendor.collected.append(payment_id)
            return replace(payment, status="paid", method="card", refunded=Decimal(0))

        return await self._once("process", idempotency_key, payment_id, work)

    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        def work() -> Payment:
            payment = self.vendor.payments[payment_id]
            back = payment.amount if amount is None else amount
            self.vendor.given_back.append(back)
            refunded = (payment.refunded or Decimal(0)) + back
            return replace(
                payment, refunded=refunded, status="refunded" if refunded == payment.amount else "paid"
            )

        return await self._once("refund", idempotency_key, (payment_id, amount), work)

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        def work() -> Payment:
            payment = self.vendor.payments[payment_id]
            is_open = payment.status in ("pending", "requires_action")
            return replace(payment, status="failed", reason="called off") if is_open else payment

        return await self._once("cancel", idempotency_key, payment_id, work)

    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        self._meet("status", "")
        return replace(self.vendor.payments[payment_id], **self.vendor.distort)

    async def find_payment(self, reference: str, ctx: PluginContext) -> Payment | None:
        self._meet("find", "")
        if not self.vendor.can_search:
            return await super().find_payment(reference, ctx)
        found = self.vendor.references.get(reference)
        return replace(self.vendor.payments[found], **self.vendor.distort) if found else None

    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), request.headers.get("x-signature", "").encode()):
            raise WebhookForged("the signature is missing or wrong")
        told = json.loads(request.body)
        if told.get("kind") == "other":
            return None
        return PaymentEvent(
            told["id"],
            told["payment"],
            told["status"],
            amount=Decimal(told["amount"]) if "amount" in told else None,
            currency=told.get("currency", ""),
            refunded=Decimal(told["refunded"]) if "refunded" in told else None,
            reference=told.get("reference", ""),
            at=datetime.fromtimestamp(told["at"], UTC) if "at" in told else None,
            dispute=told.get("dispute", ""),
        )

    async def _once(self, operation: str, key: str, values: object, work: Any) -> Payment:
        self._meet(operation, key)
        known = self.vendor.answers.get(key)
        if known is not None:
            if known[0] != values:
                raise GatewayError("the key was used with other values")
            return replace(known[1], **self.vendor.distort)
        answer: Payment = work()
        self.vendor.payments[answer.id] = answer
        self.vendor.answers[key] = (values, answer)
        if operation in self.vendor.lose:
            self.vendor.lose.remove(operation)
            self.vendor.is_dark = self.vendor.goes_dark
            raise GatewayError("the answer was lost", is_outcome_known=False)
        return replace(answer, **self.vendor.distort)

    def _meet(self, operation: str, key: str) -> None:
        self.vendor.calls.append((operation, key))
        if self.vendor.is_dark:
            raise GatewayError("nobody answers")
        if operation in self.vendor.refuse:
            self.vendor.refuse.remove(operation)
            raise GatewayError("try again tomorrow")


class TillPlugin:
    """Registers the gateway of a vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    @hookimpl
    def register_gateways(self) -> Sequence[Gateway]:
        return [Till(self.vendor)]


def signed(**told: Any) -> dict[str, Any]:
    """The body and headers of a genuine delivery, as arguments of a request."""
    body = json.dumps(told).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"content": body, "headers": {"content-type": "application/json", "x-signature": signature}}
