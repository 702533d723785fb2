"""The gateway before a Stripe that keeps its word: payments, refunds, declines, lost answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from csai_gateway_stripe import StripeGateway, StripeSettings
from csai_gateway_stripe.money import from_smallest, to_smallest
from csai_sdk import GatewayError, Payer, Payment, PluginContext
from csai_testkit.context import KeptResources, make_context

from plugins.billing.stripe.tests.stripe_server import API_KEY, Refused, Stripe, stripe_server

CARD = Payer("cus_1", "pm_card_visa")


@dataclass
class Desk:
    """The gateway with a client's settings."""

    stripe: Stripe
    ctx: PluginContext
    gateway: StripeGateway

    async def create(
        self, payer: Payer | None = CARD, *, amount: str = "12.50", currency: str = "EUR", key: str = "k1"
    ) -> Payment:
        return await self.gateway.create_payment_intent(
            amount=Decimal(amount),
            currency=currency,
            reference="0193-ref",
            idempotency_key=key,
            payer=payer,
            ctx=self.ctx,
        )

    async def process(self, payment_id: str, key: str = "k2") -> Payment:
        return await self.gateway.process_payment(payment_id, idempotency_key=key, ctx=self.ctx)

    async def refund(self, payment_id: str, amount: str | None = None, key: str = "k3") -> Payment:
        return await self.gateway.refund_payment(
            payment_id, amount=None if amount is None else Decimal(amount), idempotency_key=key, ctx=self.ctx
        )

    async def cancel(self, payment_id: str) -> Payment:
        return await self.gateway.cancel_payment(payment_id, idempotency_key="k9", ctx=self.ctx)

    async def status(self, payment_id: str) -> Payment:
        return await self.gateway.payment_status(payment_id, self.ctx)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with stripe_server() as stripe:
        resources = KeptResources()
        yield desk_of(stripe, resources)
        await resources.aclose()


def desk_of(stripe: Stripe, resources: KeptResources, **settings: Any) -> Desk:
    given = {
        "api_key": API_KEY,
        "base_url": stripe.url,
        "return_url": "https://shop.example/paid",
        **settings,
    }
    ctx = make_context(StripeSettings(**given), plugin="stripe", client_id=None, resources=resources)
    return Desk(stripe, ctx, StripeGateway())


async def test_a_saved_card_is_announced_collected_and_given_back(desk: Desk) -> None:
    announced = await desk.create()
    assert (announced.status, announced.amount, announced.currency) == ("pending", Decimal("12.50"), "EUR")
    assert desk.stripe.collected == []

    paid = await desk.process(announced.id)
    assert (paid.status, paid.amount, paid.refunded, paid.method) == (
        "paid",
        Decimal("12.50"),
        Decimal(0),
        "card",
    )
    part = await desk.refund(paid.id, "2.50")
    rest = await desk.refund(paid.id, None, "k4")

    assert (part.status, part.refunded) == ("paid", Decimal("2.50"))
    assert (rest.status, rest.refunded) == ("refunded", Decimal("12.50"))
    assert (await desk.status(paid.id)).status == "refunded"
    assert desk.stripe.refunded == [250, 1000]
    keys = [key for method, _path, key in desk.stripe.requests if method == "POST"]
    assert keys == ["k1", "k2", "k3", "k4"]


async def test_what_stripe_is_told_is_what_it_documents(desk: Desk) -> None:
    await desk.create()

    (form,) = desk.stripe.forms
    assert {name: value.lower() for name, value in form.items() if name != "description"} == {
        "amount": "1250",
        "currency": "eur",
        "customer": "cus_1",
        "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[csai_payment]": "0193-ref",
        "expand[0]": "latest_charge",
    }


async def test_the_customers_default_is_used_where_no_method_is_named(desk: Desk) -> None:
    desk.stripe.customers = {
        "cus_1": {"id": "cus_1", "invoice_settings": {"default_payment_method": "pm_default"}},
        "cus_old": {"id": "cus_old", "default_source": "card_1"},
        "cus_none": {"id": "cus_none", "invoice_settings": {"default_payment_method": None}},
    }

    for customer, method in (("cus_1", "pm_default"), ("cus_old", "card_1")):
        await desk.create(Payer(customer), key=customer)
        assert desk.stripe.forms[-1]["payment_method"] == method
    for customer, said in (("cus_none", "no default payment method"), ("cus_2", "resource_missing")):
        with pytest.raises(GatewayError, match=said) as refused:
            await desk.create(Payer(customer), key=customer)
        assert refused.value.is_outcome_known


@pytest.mark.parametrize(
    ("method", "reason"), [("pm_declined", "insufficient_funds"), ("pm_lost", "lost_card")]
)
async def test_a_declined_card_is_a_payment_that_failed(desk: Desk, method: str, reason: str) -> None:
    announced = await desk.create(Payer("cus_1", method))

    declined = await desk.process(announced.id)

    assert (declined.status, declined.reason) == ("failed", reason)
    again = await desk.process(announced.id, "another key")
    assert (again.status, again.reason) == ("failed", reason)
    assert desk.stripe.collected == []


async def test_an_account_that_only_authorises_is_captured(desk: Desk) -> None:
    desk.stripe.manual_capture = True
    announced = await desk.create()

    assert (await desk.process(announced.id)).status == "paid"
    assert [key for _m, path, key in desk.stripe.requests if path.endswith("capture")] == ["k2-capture"]


async def test_what_is_collected_is_not_collected_again(desk: Desk) -> None:
    announced = await desk.create()
    await desk.process(announced.id)

    assert (await desk.process(announced.id, "another key")).status == "paid"
    assert len(desk.stripe.collected) == 1


async def test_a_payment_that_goes_on_meanwhile_is_looked_at_again(desk: Desk) -> None:
    announced = await desk.create()
    desk.stripe.refusals["confirm"] = [
        Refused(400, "invalid_request_error", "payment_intent_unexpected_state")
    ]

    assert (await desk.process(announced.id)).status == "pending"


@pytest.mark.parametrize("loss", ["drop", 500])
async def test_after_a_lost_answer_the_same_key_gives_the_same(desk: Desk, loss: Any) -> None:
    desk.stripe.losses = {"payment_intents": [loss], "confirm": [loss], "refunds": [loss]}

    works: list[Callable[[], Awaitable[Payment]]] = [
        desk.create,
        lambda: desk.process("pi_1"),
        lambda: desk.refund("pi_1", "2.50"),
    ]
    for work in works:
        with pytest.raises(GatewayError) as lost:
            await work()
        assert not lost.value.is_outcome_known
        await work()

    assert list(desk.stripe.intents) == desk.stripe.collected == ["pi_1"]
    assert desk.stripe.refunded == [250]


async def test_the_same_key_with_other_values_is_refused(desk: Desk) -> None:
    await desk.create()

    with pytest.raises(GatewayError, match="other values") as refused:
        await desk.create(amount="13")
    assert not refused.value.is_outcome_known, "what the key was used for before may have been paid"


@pytest.mark.parametrize(
    ("refusal", "said", "is_known"),
    [
        (Refused(401, "invalid_request_error"), "API key", True),
        (Refused(403, "invalid_request_error"), "API key", True),
        (Refused(429, "invalid_request_error", "rate_limit"), "fewer requests", True),
        (Refused(409, "idempotency_error", "idempotency_key_in_use"), "409", False),
        (Refused(400, "invalid_request_error", "amount_too_large"), "amount_too_large", True),
        (Refused(402, "card_error", "card_declined"), "card_declined", True),
        (Refused(500, "api_error"), "500", False),
        (Refused(503, "api_error"), "503", False),
    ],
)
async def test_errors_say_what_to_do_and_quote_nothing(
    desk: Desk, refusal: Refused, said: str, is_known: bool
) -> None:
    desk.stripe.refusals["payment_intents"] = [refusal]

    with pytest.raises(GatewayError, match=said) as refused:
        await desk.create()

    assert refused.value.is_outcome_known == is_known
    assert API_KEY not in f"{refused.value!r} {refused.value.__cause__!r}"


async def test_without_a_key_nothing_is_sent() -> None:
    async with stripe_server() as stripe:
        for key in (None, "", "   ", "sk_\u00e9"):
            resources = KeptResources()
            with pytest.raises(GatewayError, match="STRIPE_API_KEY"):
                await desk_of(stripe, resources, api_key=key).create()
            await resources.aclose()
        assert stripe.requests == []


async def test_somebody_pays_at_stripes_page(desk: Desk) -> None:
    announced = await desk.create(None)
    assert announced.status == "requires_action"
    assert announced.redirect_url.startswith("https://checkout.stripe.com/")
    assert (await desk.process(announced.id)).status == "requires_action"

    desk.stripe.pay(announced.id)

    paid = await desk.status(announced.id)
    assert (paid.id, paid.status, paid.amount, paid.redirect_url) == (
        announced.id,
        "paid",
        Decimal("12.50"),
        "",
    )
    refunded = await desk.refund(announced.id)
    assert (refunded.id, refunded.status, refunded.refunded) == (announced.id, "refunded", Decimal("12.50"))


async def test_a_page_that_was_left_has_failed(desk: Desk) -> None:
    announced = await desk.create(None)
    desk.stripe.sessions[announced.id].update(status="expired", url=None)

    assert (await desk.status(announced.id)).status == "failed"


@pytest.mark.parametrize("payer", [CARD, None], ids=["a saved card", "by link"])
async def test_what_is_called_off_is_never_paid(desk: Desk, payer: Payer | None) -> None:
    announced = await desk.create(payer)

    for _ in range(2):
        assert (await desk.cancel(announced.id)).status == "failed"

    assert (await desk.process(announced.id)).status == "failed"
    assert desk.stripe.collected == []


async def test_what_is_paid_is_not_called_off(desk: Desk) -> None:
    paid = await desk.process((await desk.create()).id)
    link = await desk.create(None, key="k5")
    desk.stripe.pay(link.id)

    assert [(await desk.cancel(each)).status for each in (paid.id, link.id)] == ["paid", "paid"]


async def test_what_is_under_way_cannot_be_called_off(desk: Desk) -> None:
    announced = await desk.create()
    desk.stripe.intents[announced.id]["status"] = "processing"

    with pytest.raises(GatewayError, match="gone on") as refused:
        await desk.cancel(announced.id)
    assert not refused.value.is_outcome_known


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("warning_needs_response", "open"),
        ("warning_closed", "won"),
        ("won", "won"),
        ("lost", "lost"),
    ],
)
async def test_a_dispute_is_seen_where_the_payment_is_asked_for(desk: Desk, status: str, told: str) -> None:
    paid = await desk.process((await desk.create()).id)
    link = await desk.create(None, key="k5")
    session = desk.stripe.pay(link.id)

    for payment_id, intent_id in ((paid.id, paid.id), (link.id, session["payment_intent"])):
        assert (await desk.status(payment_id)).dispute == ""
        desk.stripe.dispute(intent_id, status)
        assert (await desk.status(payment_id)).dispute == told


async def test_a_link_needs_a_page_to_come_back_to() -> None:
    async with stripe_server() as stripe:
        resources = KeptResources()
        with pytest.raises(GatewayError, match="STRIPE_RETURN_URL"):
            await desk_of(stripe, resources, return_url="").create(None)
        await resources.aclose()


async def test_a_payment_is_found_by_its_reference(desk: Desk) -> None:
    assert await desk.gateway.find_payment("0193-ref", desk.ctx) is None
    announced = await desk.create()

    found = await desk.gateway.find_payment("0193-ref", desk.ctx)

    assert found == announced
    assert await desk.gateway.find_payment("it's another\\", desk.ctx) is None


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("12.50", "EUR", 1250),
        ("0.01", "usd", 1),
        ("1250", "JPY", 1250),
        ("5", "krw", 5),
        ("1.23", "KWD", 1230),
        ("1.230", "TND", 1230),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("12.5", "HUF", 1250),
    ],
)
def test_amounts_are_written_as_stripe_does(amount: str, currency: str, units: int) -> None:
    assert to_smallest(Decimal(amount), currency) == units
    assert from_smallest(units, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", "EUR"), ("1.5", "JPY"), ("1.234", "KWD"), ("1.5", "ISK"), ("0", "EUR"), ("-1", "EUR")],
)
def test_what_stripe_cannot_take_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(GatewayError, match="last digit"):
        to_smallest(Decimal(amount), currency)
