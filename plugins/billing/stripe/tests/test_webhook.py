"""Stripe's webhooks: only what it signed, lately, and what that means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import stripe
from csai_gateway_stripe import StripeGateway, StripeSettings
from csai_gateway_stripe.payment import read_intent
from csai_sdk import GatewayError, PaymentEvent, PluginContext, WebhookForged, WebhookRequest
from csai_testkit.context import FakeClock, make_context

from plugins.billing.stripe.tests.stripe_server import NOW, WEBHOOK_SECRET, Stripe, signed

VECTORS = Path(__file__).resolve().parents[5] / "shared" / "vectors" / "stripe"
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1250,
    "currency": "eur",
    "status": "succeeded",
    "metadata": {"csai_payment": "0193"},
}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "amount_total": 1250,
    "currency": "eur",
    "status": "complete",
    "payment_status": "paid",
    "payment_intent": "pi_1",
    "metadata": {"csai_payment": "0193"},
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 1250,
    "amount_refunded": 250,
    "currency": "eur",
    "payment_intent": "pi_1",
    "metadata": {"csai_payment": "0193"},
    "payment_method_details": {"type": "sepa_debit"},
}


def context(secret: str | None = WEBHOOK_SECRET, *, at: int = NOW) -> PluginContext:
    clock = FakeClock(datetime.fromtimestamp(at, UTC))
    return make_context(StripeSettings(webhook_secret=secret), plugin="stripe", client_id=None, clock=clock)


async def read(
    body: bytes, headers: dict[str, str] | None = None, ctx: PluginContext | None = None
) -> PaymentEvent | None:
    headers = signed(body) if headers is None else headers
    request = WebhookRequest("POST", "https://csai.example/admin/billing/webhook/stripe", headers, body)
    return await StripeGateway().read_webhook(request, ctx or context())


def event(kind: str, told: dict[str, Any], **more: Any) -> bytes:
    return Stripe().event(kind, {**told, **more})


@pytest.mark.parametrize(
    ("kind", "told", "payment_id", "status", "refunded"),
    [
        ("payment_intent.created", INTENT, "pi_1", "pending", None),
        ("payment_intent.processing", INTENT, "pi_1", "pending", None),
        ("payment_intent.requires_action", INTENT, "pi_1", "requires_action", None),
        ("payment_intent.succeeded", INTENT, "pi_1", "paid", None),
        ("payment_intent.payment_failed", INTENT, "pi_1", "failed", None),
        ("payment_intent.canceled", INTENT, "pi_1", "failed", None),
        ("checkout.session.completed", SESSION, "cs_1", "paid", None),
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}, "cs_1", "pending", None),
        ("checkout.session.async_payment_succeeded", SESSION, "cs_1", "paid", None),
        (
            "checkout.session.async_payment_failed",
            SESSION | {"payment_status": "unpaid"},
            "cs_1",
            "failed",
            None,
        ),
        (
            "checkout.session.expired",
            SESSION | {"status": "expired", "payment_status": "unpaid"},
            "cs_1",
            "failed",
            None,
        ),
        ("charge.refunded", CHARGE, "pi_1", "paid", "2.50"),
        ("charge.refunded", CHARGE | {"amount_refunded": 1250}, "pi_1", "refunded", "12.50"),
    ],
)
async def test_an_event_is_read(
    kind: str, told: dict[str, Any], payment_id: str, status: str, refunded: str | None
) -> None:
    found = await read(event(kind, told))

    assert found is not None
    assert (found.id, found.payment_id, found.status) == ("evt_1", payment_id, status)
    assert found.refunded == (None if refunded is None else Decimal(refunded))
    assert (found.reference, found.amount, found.currency) == ("0193", Decimal("12.50"), "EUR")
    assert found.at == datetime.fromtimestamp(NOW, UTC)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("payment_intent.succeeded", INTENT | {"metadata": {}}),
        ("payment_intent.succeeded", INTENT | {"metadata": None}),
        ("payment_intent.partially_funded", INTENT),
        ("charge.succeeded", CHARGE),
        ("charge.refunded", CHARGE | {"payment_intent": None}),
        ("customer.created", {"id": "cus_1", "object": "customer"}),
    ],
)
async def test_what_is_none_of_csais_is_passed_over(kind: str, told: dict[str, Any]) -> None:
    assert await read(event(kind, told)) is None


async def test_a_decline_at_the_page_is_not_the_end_of_it() -> None:
    of_checkout = INTENT | {"metadata": {"csai_payment": "0193", "csai_via": "checkout"}}

    assert await read(event("payment_intent.payment_failed", of_checkout)) is None
    found = await read(event("payment_intent.succeeded", of_checkout))
    assert found is not None
    assert found.status == "paid"


async def test_why_it_failed_is_told_in_codes() -> None:
    error = {"code": "card_declined", "decline_code": "expired_card", "message": "Your card, Ada, ..."}

    found = await read(event("payment_intent.payment_failed", INTENT, last_payment_error=error))

    assert found is not None
    assert found.reason == "expired_card"


async def test_the_signature_of_stripes_own_sdk_is_taken() -> None:
    body = event("payment_intent.succeeded", INTENT)
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), WEBHOOK_SECRET, NOW)

    assert await read(body, {"stripe-signature": header}) is not None


async def test_what_is_signed_here_is_taken_by_stripes_own_sdk() -> None:
    body = event("payment_intent.succeeded", INTENT)

    assert stripe.WebhookSignature.verify_header(body, signed(body)["stripe-signature"], WEBHOOK_SECRET)


@pytest.mark.parametrize(
    "path", sorted(VECTORS.glob("*.json")) or [None], ids=lambda path: path and path.stem
)
async def test_recorded_objects_are_verified_byte_for_byte(path: Path | None) -> None:
    if path is None:
        pytest.skip("the recorded objects are not in this checkout")
    body = event("payment_intent.amount_capturable_updated", recorded(path))

    assert await read(body) is None
    with pytest.raises(WebhookForged):
        await read(body.replace(b"evt_1", b"evt_2"), signed(body))


def recorded(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def test_a_recorded_payment_is_read() -> None:
    path = VECTORS / "payment_intent_pi_fakefakefakefakefake0001.json"
    if not path.exists():
        pytest.skip("the recorded objects are not in this checkout")

    payment = read_intent(recorded(path))

    assert (payment.id, payment.status) == ("pi_fakefakefakefakefake0001", "paid")
    assert (payment.amount, payment.currency) == (Decimal("20.00"), "USD")


BODY = event("payment_intent.succeeded", INTENT)
GENUINE = signed(BODY)["stripe-signature"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbled",
        f"t={NOW}",
        f"t={NOW},v1=",
        f"t={NOW},v1={'0' * 64}",
        f"t={NOW},v1=\u00e9\u20ac",
        GENUINE.replace("v1=", "v0="),
        GENUINE.replace(f"t={NOW}", f"t={NOW + 1}"),
        GENUINE.replace(f"t={NOW}", "t=soon"),
        GENUINE.replace(f"t={NOW}", f"t={NOW},t={NOW}"),
        GENUINE.replace(f"t={NOW}", f"t={'9' * 5_000}"),
        GENUINE.replace(f"t={NOW}", "t=\u0661\u0662"),
        signed(BODY, secret="whsec_another")["stripe-signature"],
    ],
)
async def test_another_signature_is_refused(header: str) -> None:
    with pytest.raises(WebhookForged):
        await read(BODY, {"stripe-signature": header})


@pytest.mark.parametrize(
    ("age_s", "is_taken"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)]
)
async def test_a_signature_lasts_five_minutes(age_s: int, is_taken: bool) -> None:
    ctx = context(at=NOW + age_s)

    if is_taken:
        assert await read(BODY, ctx=ctx) is not None
    else:
        with pytest.raises(WebhookForged):
            await read(BODY, ctx=ctx)


@pytest.mark.parametrize("secret", [None, "", "  ", ","])
async def test_without_a_secret_everything_is_refused(secret: str | None) -> None:
    for headers in (signed(BODY, secret=(secret or "").strip(" ,")), {}):
        with pytest.raises(WebhookForged):
            await read(BODY, headers, context(secret))


async def test_two_secrets_are_taken_while_one_is_replaced() -> None:
    ctx = context(f"whsec_new, {WEBHOOK_SECRET}")

    assert await read(BODY, ctx=ctx) is not None
    assert await read(BODY, signed(BODY, secret="whsec_new"), ctx) is not None


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b"{}", b"not json", b'{"id": "evt_1"}', b'{"id":"e","type":5,"data":{"object":null}}'],
)
async def test_what_is_signed_and_no_event_is_an_error(body: bytes) -> None:
    with pytest.raises(GatewayError):
        await read(body)
