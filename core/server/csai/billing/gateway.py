"""Gateways at work: the operator's accounts at payment vendors, called under a deadline."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar, get_args

import structlog
from csai_sdk import (
    Clock,
    Gateway,
    GatewayError,
    Payer,
    Payment,
    PaymentEvent,
    PluginContext,
    WebhookForged,
    WebhookRequest,
)
from csai_sdk.gateway import Dispute, PaymentStatus

from csai.billing.money import to_micros
from csai.billing.repository import PaymentRow
from csai.kit.outbound import Outbound
from csai.kit.problem import Problem
from csai.kit.text import clean
from csai.plugins.context import KeptResources, build_context
from csai.plugins.registry import PluginRegistry
from csai.plugins.store import NoStore
from csai.plugins.stored import SettingsFault, check_settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

CALL_S = 30.0
MAX_ID_CHARS = 255
MAX_REASON_CHARS = 300
MAX_ADDRESS_CHARS = 4_000
WORK_S = 100.0
"""How long an attempt or refund may be worked on: a repeat is sent no later after it was looked at."""
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class Gateways:
    """The installed gateways. Their settings are the environment's: no client has a part in them."""

    def __init__(self, *, registry: PluginRegistry, outbound: Outbound, clock: Clock) -> None:
        self._registry = registry
        self._outbound = outbound
        self._clock = clock
        self._kept: dict[str, KeptResources] = {}
        self._contexts: dict[str, PluginContext] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._registry.gateways)

    def desk(self, gateway_id: str) -> Desk:
        """Raises `Problem` for a gateway that there is not, or that is not set up."""
        if gateway_id not in self._registry.gateways:
            there = ", ".join(self.names) or "none"
            raise Problem(
                404, "gateway_unknown", f"There is no gateway '{gateway_id[:50]}'. Installed: {there}."
            )
        plugin_id, gateway = self._registry.gateways[gateway_id]
        if plugin_id not in self._contexts:
            self._contexts[plugin_id] = self._context(plugin_id)
        return Desk(gateway, self._contexts[plugin_id])

    async def aclose(self) -> None:
        for kept in self._kept.values():
            await kept.close()

    def _context(self, plugin_id: str) -> PluginContext:
        plugin = self._registry.plugins[plugin_id]
        try:
            check_settings(plugin.settings_model, {})
        except SettingsFault as fault:
            raise Problem(
                409,
                "gateway_not_set_up",
                f"The settings of the plugin {plugin_id} cannot be used: {fault.cause}. {fault.remedy}",
            ) from None
        return build_context(
            plugin,
            client_id=None,
            own_settings={},
            http=self._outbound.http,
            transports=self._outbound.transports,
            clock=self._clock,
            resources=self._kept.setdefault(plugin_id, KeptResources(plugin_id)),
            store=NoStore(),
        )


class Desk:
    """One gateway, with its context. Whatever goes wrong in a call is a `GatewayError`.

    An error that the gateway does not know itself leaves the outcome unknown.
    """

    def __init__(self, gateway: Gateway, ctx: PluginContext) -> None:
        self._gateway = gateway
        self._ctx = ctx

    @property
    def id(self) -> str:
        return self._gateway.id

    async def create(
        self, *, amount: Decimal, currency: str, reference: str, key: str, payer: Payer | None
    ) -> Payment:
        return await self._payment(
            self._gateway.create_payment_intent(
                amount=amount,
                currency=currency,
                reference=reference,
                idempotency_key=key,
                payer=payer,
                ctx=self._ctx,
            )
        )

    async def process(self, payment_id: str, *, key: str) -> Payment:
        return await self._payment(
            self._gateway.process_payment(payment_id, idempotency_key=key, ctx=self._ctx)
        )

    async def refund(self, payment_id: str, *, amount: Decimal, key: str) -> Payment:
        return await self._payment(
            self._gateway.refund_payment(payment_id, amount=amount, idempotency_key=key, ctx=self._ctx)
        )

    async def cancel(self, payment_id: str, *, key: str) -> Payment:
        return await self._payment(
            self._gateway.cancel_payment(payment_id, idempotency_key=key, ctx=self._ctx)
        )

    async def known(self, payment: PaymentRow) -> Payment | None:
        """What the vendor has of an attempt; None where it says that it has nothing."""
        if payment.vendor_id is not None:
            return await self.status(payment.vendor_id)
        return await self.find(payment.id)

    def has_forgotten(self, begun_at: datetime, now: datetime) -> bool:
        """Whether the vendor may have forgotten a key, so that a repeat could be a second payment."""
        # The time for work: the repeat is not sent at the moment at which this is looked at.
        return (now - begun_at).total_seconds() + WORK_S > self._gateway.idempotency_s

    async def status(self, payment_id: str) -> Payment:
        return await self._payment(self._gateway.payment_status(payment_id, self._ctx))

    async def find(self, reference: str) -> Payment | None:
        found = await self._call(self._gateway.find_payment(reference, self._ctx))
        return None if found is None else _checked(found)

    async def read_webhook(self, request: WebhookRequest) -> PaymentEvent | None:
        """Raises `WebhookForged`, and `GatewayError` for what is genuine and cannot be read."""
        event = await self._call(self._gateway.read_webhook(request, self._ctx))
        if event is None:
            return None
        said: Any = event
        is_fit = (
            isinstance(said, PaymentEvent)
            and _is_id(said.id)
            and _is_id(said.payment_id)
            and said.status in get_args(PaymentStatus)
            and said.dispute in get_args(Dispute)
            and (said.amount is None or _is_amount(said.amount))
            and (said.refunded is None or _is_sum(said.refunded))
            and (said.at is None or said.at.tzinfo is not None)
            and _are_texts(said.currency, said.reference, said.method, said.reason)
        )
        if not is_fit:
            raise GatewayError("the gateway read the webhook as something that is no event")
        return replace(event, method=_short(event.method, 50), reason=_short(event.reason, MAX_REASON_CHARS))

    async def _payment(self, call: Awaitable[Payment]) -> Payment:
        return _checked(await self._call(call))

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(CALL_S):
                return await call
        except (GatewayError, WebhookForged):
            raise
        except TimeoutError:
            raise GatewayError("the vendor did not answer in time", is_outcome_known=False) from None
        except Exception:
            log.exception("gateway failed", gateway=self.id)
            raise GatewayError("the gateway failed; see the log", is_outcome_known=False) from None


def _checked(payment: Payment) -> Payment:
    said: Any = payment
    is_fit = (
        isinstance(said, Payment)
        and _is_id(said.id)
        and said.status in get_args(PaymentStatus)
        and said.dispute in get_args(Dispute)
        and _is_amount(said.amount)
        and (said.refunded is None or _is_sum(said.refunded))
        and _are_texts(said.currency, said.redirect_url, said.method, said.reason)
        and _CURRENCY.fullmatch(said.currency)
        and _is_address(said.redirect_url)
    )
    if not is_fit:
        raise GatewayError("the gateway answered with something that is no payment", is_outcome_known=False)
    return replace(
        payment, method=_short(payment.method, 50), reason=_short(payment.reason, MAX_REASON_CHARS)
    )


def _is_amount(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite()


def _is_sum(value: Any) -> bool:
    """Whether it is an amount that can be stored."""
    try:
        return _is_amount(value) and to_micros(value) >= 0
    except ValueError:
        return False


def _are_texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_address(value: str) -> bool:
    """Whether it is a page that an admin may be sent to, or none."""
    is_page = value.startswith(("https://", "http://")) and value.isascii() and value.isprintable()
    return not value or (is_page and len(value) <= MAX_ADDRESS_CHARS)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARS and clean(value) == value


def _short(text: str, chars: int) -> str:
    return clean(text)[:chars]
