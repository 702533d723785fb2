"""Stripe's webhooks: verified on the raw body, then read.

Source: https://docs.stripe.com/webhooks/signature and https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from csai_sdk import GatewayError, PaymentEvent, PluginContext, WebhookForged, WebhookRequest
from csai_sdk.gateway import PaymentStatus

from csai_gateway_stripe.money import from_smallest
from csai_gateway_stripe.payment import (
    Object,
    charge_amounts,
    dispute_of,
    failure_of,
    is_of_checkout,
    reference_of,
    session_status,
)
from csai_gateway_stripe.settings import StripeSettings

_INTENT: dict[str, PaymentStatus] = {
    "created": "pending",
    "processing": "pending",
    "requires_action": "requires_action",
    "succeeded": "paid",
    "payment_failed": "failed",
    "canceled": "failed",
}
_SESSION = frozenset(("completed", "async_payment_succeeded", "async_payment_failed", "expired"))


def read_delivery(request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
    """Raises `WebhookForged`, and `GatewayError` for an event that is genuine and no event of Stripe's."""
    verify(request, ctx)
    try:
        event = json.loads(request.body)
        return _read(event, event["data"]["object"])
    except (LookupError, TypeError, ValueError, AttributeError):
        raise GatewayError("the webhook holds no event of Stripe's as its API has them") from None


def verify(request: WebhookRequest, ctx: PluginContext) -> None:
    """Raises `WebhookForged` for what no secret of the settings signed, within their tolerance."""
    settings = ctx.settings_as(StripeSettings)
    secrets = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    keys = [secret.strip().encode() for secret in secrets.split(",") if secret.strip()]
    if not keys:
        raise WebhookForged("no webhook secret is set: see STRIPE_WEBHOOK_SECRET")
    signed_at, signatures = _signature_parts(request.headers.get("stripe-signature", ""))
    message = signed_at.encode() + b"." + request.body
    expected = [hmac.new(key, message, hashlib.sha256).hexdigest().encode() for key in keys]
    if not _any_equal(expected, signatures):
        raise WebhookForged("the signature is missing or wrong")
    if abs(ctx.clock.now().timestamp() - int(signed_at)) > settings.webhook_tolerance_s:
        raise WebhookForged("the signature is too old")


def _signature_parts(header: str) -> tuple[str, list[bytes]]:
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > 12:
        raise WebhookForged("the signature is missing or wrong")
    return times[0], [value.encode("utf-8", "replace") for name, _, value in parts if name == "v1"]


def _any_equal(expected: Iterable[bytes], given: Iterable[bytes]) -> bool:
    given = list(given)
    return any([hmac.compare_digest(ours, theirs) for ours in expected for theirs in given])  # noqa: C419


def _read(event: Object, told: Object) -> PaymentEvent | None:
    kind, _, what = str(event["type"]).rpartition(".")
    if kind == "charge.dispute":
        return _of_dispute(event, told)
    if not reference_of(told):
        return None  # nothing that csai announced
    if kind == "payment_intent" and what in _INTENT:
        return _of_intent(event, told, what)
    if kind == "checkout.session" and what in _SESSION:
        return _of_session(event, told, what)
    if (kind, what) == ("charge", "refunded"):
        return _of_refund(event, told)
    return None


def _of_intent(event: Object, intent: Object, what: str) -> PaymentEvent | None:
    if is_of_checkout(intent) and what != "succeeded":
        return None  # somebody may try again in the session, which tells of its end itself
    reason = ""
    if _INTENT[what] == "failed":
        reason = failure_of(intent.get("last_payment_error") or {}) or what
    return PaymentEvent(
        event["id"],
        intent["id"],
        _INTENT[what],
        amount=from_smallest(intent["amount"], intent["currency"]),
        reason=reason,
        **_shared(event, intent),
    )


def _of_session(event: Object, session: Object, what: str) -> PaymentEvent:
    status = session_status(session)
    if what == "async_payment_failed":
        status = "failed"
    return PaymentEvent(
        event["id"],
        session["id"],
        status,
        amount=from_smallest(session["amount_total"], session["currency"]),
        reason=what if status == "failed" else "",
        **_shared(event, session),
    )


def _of_refund(event: Object, charge: Object) -> PaymentEvent | None:
    if not charge.get("payment_intent"):
        return None
    amount, refunded = charge_amounts(charge)
    return PaymentEvent(
        event["id"],
        charge["payment_intent"],
        "refunded" if refunded >= amount else "paid",
        refunded=refunded,
        method=str((charge.get("payment_method_details") or {}).get("type") or ""),
        amount=amount,
        **_shared(event, charge),
    )


def _of_dispute(event: Object, dispute: Object) -> PaymentEvent | None:
    """Without amount and currency: they are the dispute's, which may be of a part, or in another currency."""
    if not dispute.get("payment_intent"):
        return None
    return PaymentEvent(
        event["id"],
        dispute["payment_intent"],
        "paid",
        at=datetime.fromtimestamp(event["created"], UTC),
        dispute=dispute_of(dispute),
    )


def _shared(event: Object, told: Object) -> dict[str, Any]:
    return {
        "currency": told["currency"].upper(),
        "reference": reference_of(told),
        "at": datetime.fromtimestamp(event["created"], UTC),
    }
