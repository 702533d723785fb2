"""Invoices paid through Stripe, the whole way: server, gateway, Stripe, and its webhooks back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import csai_gateway_stripe
import httpx
import pytest
from csai.billing.money import payable, to_amount
from csai.models import Payment, PaymentNews
from csai_gateway_stripe.money import (
    _THREE_DECIMAL,
    _WHOLE_WITH_TWO,
    _ZERO_DECIMAL,
    from_smallest,
    to_smallest,
)
from csai_testkit.context import FakeClock

from plugins.billing.stripe.tests.stripe_server import (
    API_KEY,
    NOW,
    WEBHOOK_SECRET,
    Refused,
    Stripe,
    signed,
    stripe_server,
)
from tests.support.operator import Operator, sign_in
from tests.support.server import ServerFactory

WEBHOOK = "/admin/billing/webhook/stripe"


@dataclass
class Office:
    stripe: Stripe
    operator: Operator
    path: str

    async def act(self, what: str, **body: Any) -> httpx.Response:
        return await self.operator.ask(
            "POST", f"{self.path}/{what}", json=body, headers={"If-Match": "*"} if what == "refund" else {}
        )

    async def deliver(self, body: bytes, **options: Any) -> httpx.Response:
        return await self.operator.server.http.post(WEBHOOK, content=body, headers=signed(body, **options))

    async def state(self, **query: Any) -> Any:
        return await self.operator.get(self.path, **query)


@pytest.fixture
async def office(make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """An invoice of 49 dollars, of a client with a saved card."""
    async with stripe_server() as stripe:
        monkeypatch.setenv("STRIPE_API_KEY", API_KEY)
        monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        monkeypatch.setenv("STRIPE_API_BASE", stripe.url)
        monkeypatch.setenv("STRIPE_RETURN_URL", "https://shop.example/paid")
        clock = FakeClock(datetime.fromtimestamp(NOW, UTC))
        server = await make_server(plugins={"stripe": csai_gateway_stripe}, clock=clock)
        operator = await sign_in(server)
        whatever = {"If-Match": "*"}
        client = f"/admin/clients/{server.client.id}"
        payer = {"gateway": "stripe", "customer": "cus_1", "method": "pm_card_visa"}
        await operator.ask("PUT", "/admin/plans/default/price", json={"base": "49"}, headers=whatever)
        await operator.ask("PUT", f"{client}/payer", json=payer, headers=whatever)
        made = await operator.ask("POST", f"{client}/invoices", json={"billing_period": "2026-10"})
        yield Office(stripe, operator, f"/admin/billing/invoices/{made.json()['id']}")


async def test_a_saved_card_pays_and_gets_back(office: Office) -> None:
    paid = (await office.act("charge")).json()
    assert (paid["status"], paid["payment_provider"], paid["payment_method"]) == ("paid", "stripe", "card")
    (intent_id,) = office.stripe.collected
    assert paid["payment_provider_id"] == intent_id
    assert office.stripe.intents[intent_id]["amount"] == 4900

    told = office.stripe.event("payment_intent.succeeded", office.stripe.intents[intent_id])
    assert (await office.deliver(told)).json() == {"status": "applied"}

    part = (await office.act("refund", amount="9.99")).json()
    assert (part["status"], part["amount_refunded"]) == ("paid", "9.99")
    refunded = office.stripe.event("charge.refunded", office.stripe.charge_of(intent_id), at=NOW + 5)
    assert (await office.deliver(refunded)).json() == {"status": "applied"}
    rest = (await office.act("refund")).json()
    assert (rest["status"], rest["amount_refunded"]) == ("refunded", "49.00")
    assert office.stripe.refunded == [999, 3901]


async def test_twenty_charges_at_once_charge_once(office: Office) -> None:
    answers = await asyncio.gather(*(office.act("charge") for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert [answer.status_code for answer in answers].count(200) == 1
    assert len(office.stripe.collected) == 1
    assert (await office.state())["amount_paid"] == "49.00"


@pytest.mark.parametrize("is_searchable", [True, False])
@pytest.mark.parametrize("loss", ["drop", 500, "hang up first"])
@pytest.mark.parametrize("word", ["payment_intents", "confirm"])
async def test_lost_answers_charge_once(office: Office, word: str, loss: Any, is_searchable: bool) -> None:
    office.stripe.losses = {word: [loss]}
    office.stripe.is_searchable = is_searchable

    answer = await office.act("charge")
    if answer.status_code == 502:
        answer = await office.act("charge")

    assert answer.json()["status"] == "paid", answer.text
    assert len(office.stripe.collected) == len(office.stripe.intents) == 1
    assert len(await office.operator.server.rows(Payment)) == 1


async def test_a_lost_refund_is_made_once(office: Office) -> None:
    await office.act("charge")
    office.stripe.losses = {"refunds": ["drop"]}

    answer = await office.act("refund", amount="10")

    assert answer.json()["amount_refunded"] == "10.00", answer.text
    assert office.stripe.refunded == [1000]


async def test_somebody_pays_at_stripes_page(office: Office) -> None:
    begun = (await office.act("charge", by_link=True)).json()
    (payment,) = begun["payments"]
    assert (payment["status"], begun["status"]) == ("requires_action", "pending")
    assert payment["redirect_url"].startswith("https://checkout.stripe.com/")

    session = office.stripe.pay(payment["gateway_payment_id"])
    intent = office.stripe.intents[session["payment_intent"]]
    declined = office.stripe.event("payment_intent.payment_failed", intent, at=NOW - 1)
    assert (await office.deliver(declined)).json() == {"status": "ignored"}
    for body in (
        office.stripe.event("payment_intent.succeeded", intent),
        office.stripe.event("checkout.session.completed", session),
    ):
        assert (await office.deliver(body)).json() == {"status": "applied"}

    state = (await office.act("refresh")).json()
    assert (state["status"], state["amount_paid"], len(state["payments"])) == ("paid", "49.00", 1)
    refunded = (await office.act("refund")).json()
    assert (refunded["status"], office.stripe.refunded) == ("refunded", [4900])


async def test_fifty_deliveries_at_once_have_one_effect(office: Office) -> None:
    begun = (await office.act("charge", by_link=True)).json()
    session = office.stripe.pay(begun["payments"][0]["gateway_payment_id"])
    body = office.stripe.event("checkout.session.completed", session)

    answers = await asyncio.gather(*(office.deliver(body) for _ in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    assert [answer.json()["status"] for answer in answers].count("applied") == 1
    assert len(await office.operator.server.rows(PaymentNews)) == 1


async def test_what_stripe_did_not_sign_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = (await office.act("charge", by_link=True)).json()
    body = office.stripe.event(
        "checkout.session.completed", office.stripe.pay(begun["payments"][0]["gateway_payment_id"])
    )

    for options in ({"secret": "whsec_another"}, {"at": NOW - 301}, {"secret": ""}):
        answer = await office.deliver(body, **options)
        assert (answer.status_code, answer.json()["code"]) == (401, "webhook_forged")
    unsigned = await office.operator.server.http.post(WEBHOOK, content=body)
    assert unsigned.status_code == 401

    assert (await office.state())["status"] == "pending"
    assert await office.operator.server.rows(PaymentNews) == []


@pytest.mark.parametrize("by_link", [False, True])
async def test_a_dispute_comes_by_webhook(office: Office, by_link: bool) -> None:
    begun = (await office.act("charge", by_link=by_link)).json()
    if by_link:
        session = office.stripe.pay(begun["payments"][0]["gateway_payment_id"])
        await office.deliver(office.stripe.event("checkout.session.completed", session))
    (intent_id,) = office.stripe.collected

    said = []
    for number, (what, status) in enumerate((("created", "needs_response"), ("closed", "won"))):
        dispute = office.stripe.dispute(intent_id, status)
        told = office.stripe.event(f"charge.dispute.{what}", dispute, at=NOW + number)
        said.append(((await office.deliver(told)).json(), (await office.state())["status"]))

    assert said == [({"status": "applied"}, "disputed"), ({"status": "applied"}, "paid")]


async def test_a_dispute_of_what_csai_did_not_sell_is_passed_over(office: Office) -> None:
    """Also while csai has a payment whose id at Stripe it does not know: it cannot be that one."""
    office.stripe.losses = {"payment_intents": ["hang up first"] * 2}
    assert (await office.act("charge")).json()["code"] == "outcome_unknown"
    sold = {"id": "cs_shop", "amount_total": 4900, "currency": "usd", "_intent_metadata": {}}
    office.stripe.sessions["cs_shop"] = sold
    intent_id = office.stripe.pay("cs_shop")["payment_intent"]
    told = office.stripe.event("charge.dispute.created", office.stripe.dispute(intent_id))

    assert (await office.deliver(told)).json() == {"status": "ignored"}


async def test_a_dispute_that_cannot_be_looked_up_is_asked_for_again(office: Office) -> None:
    await office.act("charge")
    (intent_id,) = office.stripe.collected
    told = office.stripe.event("charge.dispute.created", office.stripe.dispute(intent_id))
    office.stripe.losses = {intent_id: ["drop"]}

    answer = await office.deliver(told)

    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_unreadable")
    assert (await office.deliver(told)).json() == {"status": "applied"}


async def test_a_forged_dispute_makes_nobody_call_stripe(office: Office) -> None:
    await office.act("charge")
    told = office.stripe.event("charge.dispute.created", office.stripe.dispute(office.stripe.collected[0]))
    asked = len(office.stripe.requests)

    answer = await office.deliver(told, secret="whsec_another")

    assert (answer.status_code, len(office.stripe.requests)) == (401, asked)


async def test_a_page_of_a_void_invoice_cannot_be_paid(office: Office) -> None:
    begun = (await office.act("charge", by_link=True)).json()

    voided = (await office.act("void")).json()

    assert (voided["status"], voided["payments"][0]["status"]) == ("void", "failed")
    session = office.stripe.sessions[begun["payments"][0]["gateway_payment_id"]]
    assert session["status"] == "expired"


async def test_keys_and_customers_stay_out_of_logs_and_answers(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Stripe's messages quote the key; nothing of them is to be seen."""
    caplog.set_level("DEBUG")
    said = []
    for status in (400, 401, 429, 500):
        office.stripe.refusals["payment_intents"] = [Refused(status, "invalid_request_error", "bad")] * 2
        said.append((await office.act("charge")).text)
    said.append((await office.act("refresh")).text)
    await office.deliver(b"{}", secret=WEBHOOK_SECRET)
    await office.deliver(b"{}", secret="another")

    for secret in (API_KEY, WEBHOOK_SECRET):
        assert secret not in caplog.text
        assert secret not in "".join(said)


@pytest.mark.parametrize("currency", sorted(_ZERO_DECIMAL | _THREE_DECIMAL | _WHOLE_WITH_TWO | {"EUR"}))
def test_what_is_due_can_be_taken_by_stripe_to_its_last_digit(currency: str) -> None:
    due = to_amount(payable(1_234_567_890, currency))

    assert from_smallest(to_smallest(due, currency), currency) == due


async def test_a_declined_card_is_told(office: Office) -> None:
    client = f"/admin/clients/{office.operator.server.client.id}"
    payer = {"gateway": "stripe", "customer": "cus_1", "method": "pm_declined"}
    await office.operator.ask("PUT", f"{client}/payer", json=payer, headers={"If-Match": "*"})

    state = (await office.act("charge")).json()

    assert (state["status"], state["payments"][0]["reason"]) == ("pending", "insufficient_funds")
    assert API_KEY not in str(state)
