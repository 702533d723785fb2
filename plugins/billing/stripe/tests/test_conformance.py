from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote_plus

from csai_sdk import CsaiError, GatewayError, Payer, WebhookRequest
from csai_testkit.conformance import GatewaySuite, Scene
from csai_testkit.replay import Exchange


def intent(payment_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": payment_id,
        "object": "payment_intent",
        "amount": 1250,
        "currency": "eur",
        "status": status,
        "latest_charge": None,
        **more,
    }


def get(path: str, value: Mapping[str, Any]) -> Exchange:
    return Exchange("GET", path, 200, {"content-type": "application/json"}, json.dumps(value).encode())


def delivery(secret: str, scene: Scene, event: Mapping[str, Any]) -> WebhookRequest:
    body, at = json.dumps(event).encode(), int(scene.clock.now().timestamp())
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "stripe-signature": f"t={at},v1={signature}"}
    return WebhookRequest("POST", "https://csai.example/webhook", headers, body)


class TestConformance(GatewaySuite):
    """A customer whose card is saved."""

    plugin = "csai_gateway_stripe"
    capabilities = ("dated_webhooks", "found_payments", "cancelled_payments")
    payer: ClassVar[Payer | None] = Payer("cus_1", "pm_1")
    live_env = ("STRIPE_API_KEY",)

    def settings(self, url: str, secret: str) -> Mapping[str, Any]:
        return {**super().settings(url, secret), "return_url": "https://shop.example/paid"}

    def answer_to(self, operation: str, text: str) -> Sequence[Exchange]:
        looked_up = f"/v1/payment_intents/{quote_plus(text)}"
        match operation:
            case "create_payment_intent":
                return [Exchange.of_json("/v1/payment_intents", intent(text, "requires_confirmation"))]
            case "process_payment":
                return [
                    get(looked_up, intent(text, "requires_confirmation")),
                    Exchange.of_json(f"{looked_up}/confirm", intent(text, "succeeded")),
                ]
            case "refund_payment":
                back = intent(text, "succeeded", latest_charge={"id": "ch_1", "amount_refunded": 1250})
                return [
                    get(looked_up, intent(text, "succeeded")),
                    Exchange.of_json(
                        "/v1/refunds", {"id": "re_1", "object": "refund", "status": "succeeded"}
                    ),
                    get(looked_up, back),
                ]
            case "cancel_payment":
                canceled = intent(text, "canceled")
                return [Exchange.of_json(f"{looked_up}/cancel", canceled), get(looked_up, canceled)]
            case "find_payment":
                found = {"object": "search_result", "data": [intent(text, "succeeded")], "has_more": False}
                return [get("/v1/payment_intents/search", found)]
        return [get(looked_up, intent(text, "succeeded"))]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        return [
            (Exchange.of_json("/v1/payment_intents", {"error": error}, status=status), GatewayError)
            for status, error in (
                (400, {"type": "idempotency_error", "message": "Keys for idempotent requests ..."}),
                (400, {"type": "invalid_request_error", "code": "amount_too_small"}),
                (401, {"type": "invalid_request_error", "message": "Invalid API Key provided"}),
                (402, {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}),
                (409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}),
                (429, {"type": "invalid_request_error", "code": "rate_limit"}),
                (500, {"type": "api_error"}),
            )
        ]

    def webhook(self, secret: str, text: str, delivery_id: str, scene: Scene) -> WebhookRequest:
        told = intent(text, "succeeded", metadata={"csai_payment": "0193"})
        event = {
            "id": delivery_id,
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": int(scene.clock.now().timestamp()),
            "data": {"object": told},
        }
        return delivery(secret, scene, event)


class TestByLink(TestConformance):
    """Somebody who pays at Stripe's page."""

    payer = None

    def answer_to(self, operation: str, text: str) -> Sequence[Exchange]:
        if operation != "create_payment_intent":
            return super().answer_to(operation, text)
        session = {
            "id": text,
            "object": "checkout.session",
            "amount_total": 1250,
            "currency": "eur",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "url": "https://checkout.stripe.com/c/pay/cs_1",
        }
        return [Exchange.of_json("/v1/checkout/sessions", session)]

    def failures(self) -> Sequence[tuple[Exchange, type[CsaiError]]]:
        refused = {"error": {"type": "invalid_request_error", "code": "url_invalid"}}
        return [(Exchange.of_json("/v1/checkout/sessions", refused, status=400), GatewayError)]
