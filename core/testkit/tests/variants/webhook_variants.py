"""A sound gateway and a sound channel, and others with one thing wrong each."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from csai_sdk import (
    Channel,
    Gateway,
    GatewayError,
    HttpError,
    InboundMessage,
    Payment,
    PaymentEvent,
    PluginContext,
    ToolError,
    WebhookForged,
    WebhookRequest,
)

from core.testkit.tests.variants.variant import Plugin, VendorSettings, breaks, key_of

_HOUR_S = 3_600


def signature(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(request: WebhookRequest, ctx: PluginContext) -> bool:
    secret = key_of(ctx.settings_as(VendorSettings))
    at, given = request.headers.get("x-at", ""), request.headers.get("x-signature", "")
    return bool(secret) and hmac.compare_digest(
        signature(secret, at, request.body).encode(), given.encode("utf-8", "replace")
    )


def verified(request: WebhookRequest, ctx: PluginContext) -> Any:
    if not is_signed(request, ctx):
        raise WebhookForged("the signature is missing or wrong")
    if abs(ctx.clock.now().timestamp() - int(request.headers["x-at"])) > _HOUR_S:
        raise WebhookForged("the delivery is too old")
    return json.loads(request.body)


async def post(
    path: str, content: Mapping[str, Any], ctx: PluginContext, failure: type[ToolError | GatewayError]
) -> Any:
    settings = ctx.settings_as(VendorSettings)
    try:
        response = await ctx.http.request(
            "POST",
            f"{settings.base_url}{path}",
            headers={"authorization": f"Bearer {key_of(settings)}"},
            content=json.dumps(content).encode(),
        )
    except HttpError as error:
        raise failure("the vendor gave no answer", is_outcome_known=not error.was_sent) from error
    if response.status != 200:
        raise failure(f"the vendor refused or failed (HTTP {response.status})")
    try:
        return json.loads(response.body)
    except ValueError:
        raise failure("the vendor's answer is no JSON", is_outcome_known=False) from None


class SoundGateway(Gateway):
    id = "sound"

    async def ask(self, operation: str, key: str, ctx: PluginContext, **content: Any) -> Payment:
        said = await post(f"/{operation}", {"key": key, **content}, ctx, GatewayError)
        return self.payment(said)

    def payment(self, said: Mapping[str, Any]) -> Payment:
        return Payment(said["id"], said["status"], Decimal(said["cents"]) / 100, said["currency"])

    async def create_payment_intent(
        self, *, amount: Decimal, currency: str, reference: str, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        return await self.ask("create", idempotency_key, ctx, cents=int(amount * 100), reference=reference)

    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        return await self.ask("process", idempotency_key, ctx, id=payment_id)

    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        return await self.ask("refund", idempotency_key, ctx, id=payment_id)

    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        return await self.ask("status", "", ctx, id=payment_id)

    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        told = self.verified(request, ctx)
        return PaymentEvent(told["id"], told["payment"], told["status"])

    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        return verified(request, ctx)


sound_gateway = Plugin(SoundGateway)


@breaks("performs_every_operation", of="sound_gateway")
class LosesCentsInRefunds(SoundGateway):
    async def refund_payment(self, payment_id: str, **more: Any) -> Payment:
        paid = await super().refund_payment(payment_id, **more)
        return replace(paid, amount=Decimal(int(paid.amount)))


@breaks("hands_on_idempotency_keys", of="sound_gateway")
class ForgetsTheKey(SoundGateway):
    async def ask(self, operation: str, key: str, ctx: PluginContext, **content: Any) -> Payment:
        return await super().ask(operation, "", ctx, **content)


@breaks("reads_statuses", of="sound_gateway")
class PassesTheVendorsWordOn(SoundGateway):
    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        told = self.verified(request, ctx)
        return PaymentEvent(told["id"], told["payment"], "payment.captured")  # type: ignore[arg-type]


@breaks("refuses_forged_webhooks", of="sound_gateway")
class TrustsWithoutASecret(SoundGateway):
    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        if not key_of(ctx.settings_as(VendorSettings)):
            return json.loads(request.body)
        return super().verified(request, ctx)


@breaks("refuses_forged_webhooks", of="sound_gateway")
class TrustsTheUnsigned(SoundGateway):
    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        return super().verified(request, ctx) if "x-at" in request.headers else json.loads(request.body)


@breaks("refuses_old_webhooks", of="sound_gateway")
class TakesOldNews(SoundGateway):
    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        if not is_signed(request, ctx):
            raise WebhookForged("the signature is missing or wrong")
        return json.loads(request.body)


class SoundChannel(Channel):
    id = "sound"

    async def receive(self, request: WebhookRequest, ctx: PluginContext) -> Sequence[InboundMessage]:
        told = verified(request, ctx)
        return [InboundMessage(told["id"], told["from"], told["text"])]

    async def send(self, address: str, text: str, message_id: str, ctx: PluginContext) -> str:
        said = await post("/send", {"to": address, "text": text, "key": message_id}, ctx, ToolError)
        return str(said["id"])


sound_channel = Plugin(SoundChannel)


@breaks("reads_genuine_webhooks", of="sound_channel")
class NamesEveryMessageAlike(SoundChannel):
    async def receive(self, request: WebhookRequest, ctx: PluginContext) -> Sequence[InboundMessage]:
        return [replace(message, message_id="1") for message in await super().receive(request, ctx)]


@breaks("replayed_webhooks_change_nothing", of="sound_channel")
class NumbersWhatComes(SoundChannel):
    def __init__(self) -> None:
        self.count = 0

    async def receive(self, request: WebhookRequest, ctx: PluginContext) -> Sequence[InboundMessage]:
        self.count += 1
        received = await super().receive(request, ctx)
        return [replace(message, message_id=str(self.count)) for message in received]


@breaks("reads_messages_whole", of="sound_channel")
class LosesTheSender(SoundChannel):
    async def receive(self, request: WebhookRequest, ctx: PluginContext) -> Sequence[InboundMessage]:
        return [replace(message, address="") for message in await super().receive(request, ctx)]
