"""A sound gateway and a sound channel, and others with one thing wrong each."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from csai_sdk import (
    Channel,
    ChannelAccount,
    ChannelError,
    ChannelNews,
    DeliveryStatus,
    Gateway,
    GatewayError,
    HttpError,
    InboundMessage,
    OutboundMessage,
    Payer,
    Payment,
    PaymentEvent,
    PluginContext,
    PluginSettings,
    WebhookForged,
    WebhookRequest,
)
from pydantic import Field, SecretStr

from core.testkit.tests.variants.variant import Plugin, VendorSettings, breaks, key_of

_HOUR_S = 3_600


def signature(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(request: WebhookRequest, secret: str) -> bool:
    at, given = request.headers.get("x-at", ""), request.headers.get("x-signature", "")
    return bool(secret) and hmac.compare_digest(
        signature(secret, at, request.body).encode(), given.encode("utf-8", "replace")
    )


def verified(request: WebhookRequest, ctx: PluginContext, secret: str) -> Any:
    if not is_signed(request, secret):
        raise WebhookForged("the signature is missing or wrong")
    if abs(ctx.clock.now().timestamp() - int(request.headers["x-at"])) > _HOUR_S:
        raise WebhookForged("the delivery is too old")
    return json.loads(request.body)


async def post(
    path: str, content: Mapping[str, Any], ctx: PluginContext, failure: type[ChannelError | GatewayError]
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
        self,
        *,
        amount: Decimal,
        currency: str,
        reference: str,
        idempotency_key: str,
        payer: Payer | None,
        ctx: PluginContext,
    ) -> Payment:
        return await self.ask("create", idempotency_key, ctx, cents=int(amount * 100), reference=reference)

    async def process_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        return await self.ask("process", idempotency_key, ctx, id=payment_id)

    async def refund_payment(
        self, payment_id: str, *, amount: Decimal | None, idempotency_key: str, ctx: PluginContext
    ) -> Payment:
        return await self.ask("refund", idempotency_key, ctx, id=payment_id)

    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        payment = await self.ask("cancel", idempotency_key, ctx, id=payment_id)
        return replace(payment, status="failed")

    async def payment_status(self, payment_id: str, ctx: PluginContext) -> Payment:
        return await self.ask("status", "", ctx, id=payment_id)

    async def find_payment(self, reference: str, ctx: PluginContext) -> Payment | None:
        return await self.ask("find", "", ctx, reference=reference)

    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        told = self.verified(request, ctx)
        return PaymentEvent(told["id"], told["payment"], told["status"])

    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        return verified(request, ctx, key_of(ctx.settings_as(VendorSettings)))


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


@breaks("finds_payments_by_reference", of="sound_gateway")
class FindsAnyPayment(SoundGateway):
    async def find_payment(self, reference: str, ctx: PluginContext) -> Payment | None:
        return await super().find_payment("the last one", ctx)


@breaks("calls_payments_off", of="sound_gateway")
class LeavesItToBePaid(SoundGateway):
    async def cancel_payment(self, payment_id: str, *, idempotency_key: str, ctx: PluginContext) -> Payment:
        payment = await super().cancel_payment(payment_id, idempotency_key=idempotency_key, ctx=ctx)
        return replace(payment, status="requires_action")


@breaks("reads_statuses", of="sound_gateway")
class CountsInFloats(SoundGateway):
    async def read_webhook(self, request: WebhookRequest, ctx: PluginContext) -> PaymentEvent | None:
        told = self.verified(request, ctx)
        return PaymentEvent(told["id"], told["payment"], told["status"], amount=12.5)  # type: ignore[arg-type]


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
        if not is_signed(request, key_of(ctx.settings_as(VendorSettings))):
            raise WebhookForged("the signature is missing or wrong")
        return json.loads(request.body)


class AccountSettings(PluginSettings):
    secret: SecretStr | None = Field(default=None, title="Secret", description="Signs what comes in.")


class WithoutWebhooks(SoundGateway):
    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        raise WebhookForged("the vendor sends none")


gateway_without_webhooks = Plugin(WithoutWebhooks)


@breaks("refuses_forged_webhooks", of="gateway_without_webhooks")
class TakesWhatComes(WithoutWebhooks):
    def verified(self, request: WebhookRequest, ctx: PluginContext) -> Any:
        if request.body == b"\xff":
            return {"id": "1", "payment": "1", "status": "paid"}
        return super().verified(request, ctx)


class SoundChannel(Channel):
    id = "sound"
    account_model = AccountSettings

    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        asked = dict(parse_qsl(urlsplit(request.url).query))
        if not secret_of(account) or asked.get("token") != secret_of(account):
            raise WebhookForged("the token is missing or wrong")
        return asked["challenge"]

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        told = verified(request, ctx, secret_of(account))
        if "status" in told:
            return [DeliveryStatus(told["id"], told["status"])]
        return [InboundMessage(told["id"], told["from"], told["text"])]

    async def send(self, message: OutboundMessage, account: ChannelAccount, ctx: PluginContext) -> str:
        content = {"to": message.address, "text": message.text, "key": message.id}
        said = await post("/send", content, ctx, ChannelError)
        return str(said["id"])


def secret_of(account: ChannelAccount) -> str:
    secret = account.settings_as(AccountSettings).secret
    return secret.get_secret_value() if secret else ""


sound_channel = Plugin(SoundChannel)


class Rereads(SoundChannel):
    """Reads messages as `reread` says."""

    def reread(self, message: InboundMessage) -> ChannelNews:
        raise NotImplementedError

    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        received = await super().receive(request, account, ctx)
        return [self.reread(each) if isinstance(each, InboundMessage) else each for each in received]


@breaks("reads_genuine_webhooks", of="sound_channel")
class NamesEveryMessageAlike(Rereads):
    def reread(self, message: InboundMessage) -> ChannelNews:
        return replace(message, message_id="1")


@breaks("replayed_webhooks_change_nothing", of="sound_channel")
class NumbersWhatComes(Rereads):
    def __init__(self) -> None:
        self.count = 0

    def reread(self, message: InboundMessage) -> ChannelNews:
        self.count += 1
        return replace(message, message_id=str(self.count))


@breaks("reads_webhook_messages_whole", of="sound_channel")
class LosesTheSender(Rereads):
    def reread(self, message: InboundMessage) -> ChannelNews:
        return replace(message, address="")


@breaks("reads_statuses", of="sound_channel")
class TakesItsOwnWordsForAVisitors(SoundChannel):
    async def receive(
        self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext
    ) -> Sequence[ChannelNews]:
        told = verified(request, ctx, secret_of(account))
        return [InboundMessage(told["id"], told.get("from", "nobody"), told.get("text", ""))]


@breaks("answers_its_challenge", of="sound_channel")
class AnswersAnybody(SoundChannel):
    async def challenge(self, request: WebhookRequest, account: ChannelAccount, ctx: PluginContext) -> str:
        return dict(parse_qsl(urlsplit(request.url).query)).get("challenge", "")


class SilentSettings(AccountSettings):
    number: str = ""


@breaks("describes_its_accounts", of="sound_channel")
class SaysNothingOfItsAccounts(SoundChannel):
    account_model = SilentSettings


@breaks("formats_any_text", of="sound_channel")
class DropsTitles(SoundChannel):
    def format(self, text: str) -> str:
        return "" if text.startswith("#") else text
