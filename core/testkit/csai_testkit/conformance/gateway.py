"""`GatewaySuite`: payment vendors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal, get_args
from urllib.parse import unquote_plus

from csai_sdk import CsaiError, Gateway, GatewayError, Payer, Payment, PaymentEvent, WebhookRequest
from csai_sdk.gateway import Dispute, PaymentStatus

from csai_testkit.conformance.check import capability, required, required_of_vendors
from csai_testkit.conformance.scene import Scene
from csai_testkit.conformance.webhook import WebhookSuite
from csai_testkit.replay import Exchange

Operation = Literal[
    "create_payment_intent",
    "process_payment",
    "refund_payment",
    "payment_status",
    "find_payment",
    "cancel_payment",
]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)[:4]
MOVING = OPERATIONS[:3]
AMOUNT = Decimal("12.50")
CURRENCY = "EUR"


class GatewaySuite(WebhookSuite):
    """Write `answer_to` and `webhook`.

    Capabilities: `dated_webhooks`, `found_payments` (`find_payment`), `cancelled_payments`
    (`cancel_payment`).
    """

    kind: ClassVar[str] = "gateway"
    error: ClassVar[type[CsaiError]] = GatewayError

    payer: ClassVar[Payer | None] = None
    """Who pays; None for a payment at the vendor's page."""

    def answer_to(self, operation: Operation, text: str) -> Sequence[Exchange]:
        """The vendor's exchanges of one operation on a payment of 12.50 EUR whose id is `text`."""
        return ()

    def answer(self, text: str) -> Sequence[Exchange]:
        return self.answer_to("create_payment_intent", text)

    async def call(self, part: Gateway, scene: Scene, *, timeout_s: float = 10.0) -> Payment | None:
        return await self._operate(part, "create_payment_intent", scene)

    def check_answer(self, answer: Any, scene: Scene) -> None:
        assert isinstance(answer, Payment), f"a gateway returns Payment, not {type(answer).__name__}"
        assert answer.id == scene.text or (answer.id and not self.has_vendor), (
            "the payment's id is the vendor's"
        )
        assert answer.status in get_args(PaymentStatus), f"there is no status {answer.status!r}"
        assert (answer.amount, answer.currency.upper()) == (AMOUNT, CURRENCY), (
            f"12.50 EUR became {answer.amount} {answer.currency}: amounts are Decimal in the major unit"
        )
        assert isinstance(answer.amount, Decimal), "amounts are Decimal"

    @required_of_vendors
    async def test_performs_every_operation(self) -> None:
        """Announcing, collecting, giving back and asking return the payment with its exact amount."""
        for part in self.fresh_parts():
            for operation in OPERATIONS:
                async with self.scene(exchanges=()) as scene:
                    scene.server.play(self.answer_to(operation, scene.text))
                    self.check_answer(await self._operate(part, operation, scene), scene)

    @required_of_vendors
    async def test_hands_on_idempotency_keys(self) -> None:
        """Calls that move money carry the idempotency key that they were given."""
        for part in self.fresh_parts():
            for operation in MOVING:
                async with self.scene(exchanges=()) as scene:
                    scene.server.play(self.answer_to(operation, scene.text))
                    await self._operate(part, operation, scene)
                    assert f"key-{operation}" in scene.received(), (
                        f"{operation} does not send its idempotency key"
                    )

    @capability("found_payments")
    async def test_finds_payments_by_reference(self) -> None:
        """A payment whose announcement went unanswered is found by its reference."""
        for part in self.fresh_parts():
            async with self.scene(exchanges=()) as scene:
                scene.server.play(self.answer_to("find_payment", scene.text))
                self.check_answer(await self._operate(part, "find_payment", scene), scene)
                assert _reference(scene) in unquote_plus(scene.received()), "it does not ask by reference"

    @capability("cancelled_payments")
    async def test_calls_payments_off(self) -> None:
        """A payment that was called off has failed, or was paid before: nobody can pay it any more."""
        for part in self.fresh_parts():
            async with self.scene(exchanges=()) as scene:
                scene.server.play(self.answer_to("cancel_payment", scene.text))
                payment = await self._operate(part, "cancel_payment", scene)
                self.check_answer(payment, scene)
                assert payment is not None
                assert payment.status in ("failed", "paid", "refunded"), (
                    f"a payment that is called off is not {payment.status} any more"
                )

    @required
    async def test_reads_statuses(self) -> None:
        """A webhook names its payment and a status that csai knows."""
        for part in self.fresh_parts():
            async with self.scene() as scene:
                if not self.has_webhooks:
                    await self._refused(part, _told(scene), scene, "where there are none")
                    continue
                request = self.webhook(scene.secret, scene.text, "delivery-1", scene)
                for read in await self.receive(part, request, scene):
                    assert read.payment_id == scene.text, (
                        "the event's payment_id is the vendor's id of the payment"
                    )
                    assert read.status in get_args(PaymentStatus), f"there is no status {read.status!r}"
                    assert read.dispute in get_args(Dispute), f"there is no dispute {read.dispute!r}"
                    for amount in (read.amount, read.refunded):
                        assert amount is None or isinstance(amount, Decimal), "amounts are Decimal"
                    assert read.at is None or read.at.tzinfo, "`at` is aware of its zone"

    async def _operate(self, part: Gateway, operation: Operation, scene: Scene) -> Payment | None:
        key = f"key-{operation}"
        match operation:
            case "create_payment_intent":
                return await part.create_payment_intent(
                    amount=AMOUNT,
                    currency=CURRENCY,
                    reference=_reference(scene),
                    idempotency_key=key,
                    payer=self.payer,
                    ctx=scene.ctx,
                )
            case "process_payment":
                return await part.process_payment(scene.text, idempotency_key=key, ctx=scene.ctx)
            case "refund_payment":
                return await part.refund_payment(
                    scene.text, amount=AMOUNT, idempotency_key=key, ctx=scene.ctx
                )
            case "payment_status":
                return await part.payment_status(scene.text, scene.ctx)
            case "cancel_payment":
                return await part.cancel_payment(scene.text, idempotency_key=key, ctx=scene.ctx)
            case "find_payment":
                return await part.find_payment(_reference(scene), scene.ctx)

    async def receive(self, part: Gateway, request: WebhookRequest, scene: Scene) -> list[PaymentEvent]:
        read = await part.read_webhook(request, scene.ctx)
        return [] if read is None else [read]

    def identity_of(self, read: PaymentEvent) -> str:
        return read.id


def _reference(scene: Scene) -> str:
    return f"payment of {scene.text}"


def _told(scene: Scene) -> WebhookRequest:
    body = json.dumps({"id": "delivery-1", "payment": scene.text, "status": "paid"}).encode()
    return WebhookRequest("POST", "https://csai.example/webhook", {}, body)
