"""The gateway: saved customers pay by PaymentIntents, everybody else at the page of a Checkout session."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from csai_sdk import (
    Gateway,
    GatewayError,
    Payer,
    Payment,
    PaymentEvent,
    PluginContext,
    WebhookRequest,
    load_module,
)

from csai_gateway_stripe.money import to_smallest
from csai_gateway_stripe.payment import (
    CHECKOUT,
    REFERENCE,
    VIA,
    is_session,
    read_intent,
    read_session,
    reference_of,
    worst_dispute,
)
from csai_gateway_stripe.settings import StripeSettings
from csai_gateway_stripe.webhook import read_delivery

_CHARGE = ["latest_charge"]
_SESSION_CHARGE = ["payment_intent.latest_charge"]
# What taking an object of the wrong shape for a payment raises.
_MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)


class StripeGateway(Gateway):
    """Ids are Stripe's own: `pi_...` of a PaymentIntent, `cs_...` of a Checkout session.

    Source: https://docs.stripe.com/api/payment_intents, https://docs.stripe.com/api/idempotent_requests
    """

    id = "stripe"
    # Stripe forgets keys after at least 24 hours.
    idempotency_s = 86_000

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
        units = to_smallest(amount, currency)
        client = await _client(ctx)
        options = {"idempotency_key": idempotency_key}
        if payer is None:
            params = _session_params(units, currency, reference, ctx.settings_as(StripeSettings))
            return _session(await _asked(client.v1.checkout.sessions.create_async(params, options)))
        method = payer.method or await _default_method(client, payer.customer)
        intent = {
            "amount": units,
            "currency": currency.lower(),
            "customer": payer.customer,
            "payment_method": method,
            # Nobody is there to be sent anywhere.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": f"Invoice payment {reference}",
            "metadata": {REFERENCE: reference},
            "expand": _CHARGE,
        }
        return _intent(await _asked(client.v1.payment_intents.create_async(intent, options)))

    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        """Confirm and, where the account authorises only, capture. What Stripe has begun is left to it."""
        if is_session(payment_id):
            return await self.payment_status(payment_id, ctx)
        client = await _client(ctx)
        intents = client.v1.payment_intents
        intent = await _asked(intents.retrieve_async(payment_id, {"expand": _CHARGE}))
        if _is_unconfirmed(intent):
            intent = await self._go_on(
                intents.confirm_async(
                    payment_id,
                    {"off_session": True, "expand": _CHARGE},
                    {"idempotency_key": idempotency_key},
                ),
                payment_id,
                ctx,
            )
        if _word(intent, "status") == "requires_capture":
            intent = await self._go_on(
                intents.capture_async(
                    payment_id, {"expand": _CHARGE}, {"idempotency_key": f"{idempotency_key}-capture"}
                ),
                payment_id,
                ctx,
            )
        return _intent(intent)

    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        client = await _client(ctx)
        before = await self.payment_status(payment_id, ctx)
        intent_id = payment_id
        if is_session(payment_id):
            session = await _asked(client.v1.checkout.sessions.retrieve_async(payment_id))
            intent_id = _word(session, "payment_intent")
        wanted: dict[str, Any] = {"payment_intent": intent_id}
        if amount is not None:
            wanted["amount"] = to_smallest(amount, before.currency)
        refund = await _asked(client.v1.refunds.create_async(wanted, {"idempotency_key": idempotency_key}))
        if _word(refund, "status") in ("failed", "canceled"):
            raise GatewayError("Stripe could not give it back; look at the payment in its dashboard")
        try:
            return await self.payment_status(payment_id, ctx)
        except GatewayError as error:
            raise GatewayError(str(error), is_outcome_known=False) from None

    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        client = await _client(ctx)
        if is_session(payment_id):
            session = await _asked(
                client.v1.checkout.sessions.retrieve_async(payment_id, {"expand": _SESSION_CHARGE})
            )
            return await _with_dispute(client, _session(session), session.get("payment_intent"))
        intent = await _asked(client.v1.payment_intents.retrieve_async(payment_id, {"expand": _CHARGE}))
        return await _with_dispute(client, _intent(intent), intent)

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        client = await _client(ctx)
        from csai_gateway_stripe.api import UnexpectedState

        options = {"idempotency_key": idempotency_key}
        call = (
            client.v1.checkout.sessions.expire_async(payment_id, {}, options)
            if is_session(payment_id)
            else client.v1.payment_intents.cancel_async(payment_id, {"expand": _CHARGE}, options)
        )
        refusal = ""
        try:
            await _asked(call)
        except UnexpectedState:
            refusal = "it has gone on meanwhile"
        except GatewayError as error:
            refusal = str(error)
        # What has ended by itself Stripe refuses to call off; how it stands says more than the refusal.
        found = await self.payment_status(payment_id, ctx)
        if refusal and found.status in ("pending", "requires_action"):
            raise GatewayError(refusal, is_outcome_known=False)
        return found

    async def find_payment(self, reference: str, ctx: PluginContext) -> Payment | None:
        """By Stripe's search, which lags behind by a minute: nothing found proves something only later.

        A session that somebody has not begun to pay is not found; nobody has its address either.
        """
        client = await _client(ctx)
        quoted = reference.replace("\\", "\\\\").replace("'", "\\'")
        query = {
            "query": f"metadata['{REFERENCE}']:'{quoted}'",
            "limit": 1,
            "expand": ["data.latest_charge"],
        }
        found = await _asked(client.v1.payment_intents.search_async(query))
        try:
            intents = list(found["data"])
        except _MISSHAPEN:
            raise _nonsense() from None
        return _intent(intents[0]) if intents else None

    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        event = read_delivery(request, ctx)
        if event is None or not event.dispute:
            return event
        # Disputes carry nothing of what csai announced: their payment does.
        client = await _client(ctx)
        intent = await _asked(client.v1.payment_intents.retrieve_async(event.payment_id))
        reference = reference_of(intent)
        return replace(event, reference=reference) if reference else None

    async def _go_on(self, call: Awaitable[Any], payment_id: str, ctx: PluginContext) -> Mapping[str, Any]:
        """The payment after the call; as it stands where Stripe says that it has gone on by itself."""
        from csai_gateway_stripe.api import Declined, UnexpectedState

        try:
            return await _asked(call)
        except Declined as declined:
            return declined.intent
        except UnexpectedState:
            client = await _client(ctx)
            return await _asked(client.v1.payment_intents.retrieve_async(payment_id, {"expand": _CHARGE}))


async def _client(ctx: PluginContext) -> Any:
    await load_module("csai_gateway_stripe.api")
    from csai_gateway_stripe.api import client_of

    return client_of(ctx)


async def _asked(call: Awaitable[Any]) -> Mapping[str, Any]:
    """What Stripe answers, as plain objects. Raises `GatewayError`, `Declined`, `UnexpectedState`."""
    from csai_gateway_stripe.api import failures

    with failures():
        answer = await call
    try:
        plain: Mapping[str, Any] = answer.to_dict()
    except _MISSHAPEN:
        raise _nonsense() from None
    return plain


async def _with_dispute(client: Any, payment: Payment, intent: Any) -> Payment:
    """The payment with what became of its disputes, where its charge has any."""
    charge = intent.get("latest_charge") if isinstance(intent, Mapping) else None
    if not isinstance(charge, Mapping) or charge.get("disputed") is not True:
        return payment
    found = await _asked(client.v1.disputes.list_async({"payment_intent": _word(intent, "id")}))
    try:
        return replace(payment, dispute=worst_dispute(found["data"]))
    except _MISSHAPEN:
        raise _nonsense() from None


async def _default_method(client: Any, customer_id: str) -> str:
    """What the customer's invoices are paid with by default; a PaymentIntent does not look for it."""
    customer = await _asked(client.v1.customers.retrieve_async(customer_id))
    invoices = customer.get("invoice_settings") or {}
    method = invoices.get("default_payment_method") or customer.get("default_source")
    if not isinstance(method, str) or not method:
        raise GatewayError("the customer has no default payment method at Stripe: save one, or name one")
    return method


def _session_params(units: int, currency: str, reference: str, settings: StripeSettings) -> dict[str, Any]:
    if not settings.return_url:
        raise GatewayError("a payment by link needs a page to come back to: set STRIPE_RETURN_URL")
    return {
        "mode": "payment",
        "client_reference_id": reference[:200],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": units,
                    "product_data": {"name": f"Invoice payment {reference}"[:200]},
                },
            }
        ],
        "metadata": {REFERENCE: reference},
        "payment_intent_data": {"metadata": {REFERENCE: reference, VIA: CHECKOUT}},
        "success_url": settings.return_url,
        "cancel_url": settings.return_url,
        "expand": _SESSION_CHARGE,
    }


def _is_unconfirmed(intent: Mapping[str, Any]) -> bool:
    status = _word(intent, "status")
    return status == "requires_confirmation" or (
        status == "requires_payment_method" and not intent.get("last_payment_error")
    )


def _word(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise _nonsense()
    return value


def _intent(intent: Mapping[str, Any]) -> Payment:
    try:
        return read_intent(intent)
    except _MISSHAPEN:
        raise _nonsense() from None


def _session(session: Mapping[str, Any]) -> Payment:
    try:
        return read_session(session)
    except _MISSHAPEN:
        raise _nonsense() from None


def _nonsense() -> GatewayError:
    return GatewayError("Stripe's answer is no object of its API", is_outcome_known=False)
