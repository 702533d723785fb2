"""Stripe's objects, as its API and its webhooks hold them, read as payments.

Source: https://docs.stripe.com/payments/paymentintents/lifecycle and https://docs.stripe.com/api/checkout/sessions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from csai_sdk import Payment
from csai_sdk.gateway import Dispute, PaymentStatus

from csai_gateway_stripe.money import from_smallest

REFERENCE = "csai_payment"
"""The metadata that holds csai's own id of a payment."""
VIA = "csai_via"
CHECKOUT = "checkout"
"""Its value at the payments of Checkout sessions: somebody may try again there after a decline."""

Object = Mapping[str, Any]

_INTENT: Mapping[str, PaymentStatus] = {
    "requires_payment_method": "pending",
    "requires_confirmation": "pending",
    "requires_action": "requires_action",
    "requires_capture": "pending",
    "processing": "pending",
    "succeeded": "paid",
    "canceled": "failed",
}


def is_session(payment_id: str) -> bool:
    return payment_id.startswith("cs_")


def reference_of(told: Object) -> str:
    return str((told.get("metadata") or {}).get(REFERENCE) or "")


def is_of_checkout(intent: Object) -> bool:
    return (intent.get("metadata") or {}).get(VIA) == CHECKOUT


def read_intent(intent: Object) -> Payment:
    """A PaymentIntent, its `latest_charge` expanded where what was refunded is to be known."""
    currency = intent["currency"].upper()
    status = _INTENT[intent["status"]]
    reason = ""
    if status == "failed" or intent["status"] == "requires_payment_method":
        reason = failure_of(intent.get("last_payment_error") or {})
        if reason:
            status = "failed"
    if status == "failed":
        reason = reason or str(intent.get("cancellation_reason") or "canceled")
    charge = intent.get("latest_charge")
    charge = charge if isinstance(charge, Mapping) else {}
    refunded = charge.get("amount_refunded")
    if status == "paid" and refunded and refunded >= intent["amount"]:
        status = "refunded"
    return Payment(
        intent["id"],
        status,
        from_smallest(intent["amount"], currency),
        currency,
        redirect_url=_where_to_act(intent) if status == "requires_action" else "",
        refunded=None if refunded is None else from_smallest(refunded, currency),
        method=_method(charge, intent),
        reason=reason,
    )


def read_session(session: Object) -> Payment:
    """A Checkout session, its `payment_intent` expanded where there is one."""
    currency = session["currency"].upper()
    intent = session.get("payment_intent")
    paid = read_intent(intent) if isinstance(intent, Mapping) else None
    return Payment(
        session["id"],
        session_status(session, paid),
        from_smallest(session["amount_total"], currency),
        currency,
        redirect_url=str(session.get("url") or "") if session.get("status") == "open" else "",
        refunded=paid.refunded if paid else None,
        method=paid.method if paid else "",
        reason="the page was left until it expired" if session.get("status") == "expired" else "",
    )


def session_status(session: Object, paid: Payment | None = None) -> PaymentStatus:
    if session.get("payment_status") in ("paid", "no_payment_required"):
        return "refunded" if paid is not None and paid.status == "refunded" else "paid"
    if session.get("status") == "expired":
        return "failed"
    if session.get("status") == "complete":
        return "failed" if paid is not None and paid.status == "failed" else "pending"
    return "requires_action"


def dispute_of(dispute: Object) -> Dispute:
    """How a dispute stands. An inquiry (`warning_...`) holds no money back, but is answered like one."""
    if dispute["status"] in ("won", "warning_closed", "prevented"):
        return "won"
    return "lost" if dispute["status"] == "lost" else "open"


def worst_dispute(disputes: Sequence[Object]) -> Dispute:
    """What became of a payment's disputes together: one that is lost counts before one that is open."""
    found = {dispute_of(dispute) for dispute in disputes}
    ranks: tuple[Dispute, ...] = ("lost", "open", "won")
    return next((each for each in ranks if each in found), "")


def failure_of(error: Object) -> str:
    """Why a payment failed, in Stripe's codes: its words may quote what must not be kept."""
    return str(error.get("decline_code") or error.get("code") or error.get("type") or "")


def charge_amounts(charge: Object) -> tuple[Decimal, Decimal]:
    """A charge's amount, and what was given back of it."""
    currency = charge["currency"]
    return from_smallest(charge["amount"], currency), from_smallest(charge["amount_refunded"], currency)


def _method(charge: Object, intent: Object) -> str:
    details = charge.get("payment_method_details") or {}
    types = intent.get("payment_method_types") or []
    return str(details.get("type") or (types[0] if len(types) == 1 else ""))


def _where_to_act(intent: Object) -> str:
    action = intent.get("next_action") or {}
    details = action.get(str(action.get("type"))) or {}
    for name in ("url", "hosted_voucher_url", "hosted_instructions_url"):
        if details.get(name):
            return str(details[name])
    return ""
