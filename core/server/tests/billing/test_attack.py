"""Vendors that answer nonsense, and news that belong to somebody else: nothing moves that should not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from csai.models import Payment, PaymentNews

from core.server.tests.billing.conftest import NOW, Office
from tests.support.till import signed

PAID: dict[str, Any] = {"id": "evt_1", "payment": "pay_1", "status": "paid", "at": NOW.timestamp()}


@pytest.mark.parametrize(
    "nonsense",
    [
        {"refunded": Decimal("0.0000001")},
        {"refunded": Decimal("1e30")},
        {"refunded": Decimal(-1)},
        {"currency": ""},
        {"currency": None},
        {"currency": "DOLLARS"},
        {"redirect_url": "javascript:alert(1)"},
        {"redirect_url": "https://till.example/\x00"},
        {"redirect_url": "https://till.example/" + "x" * 5_000},
        {"redirect_url": None},
        {"reason": None},
        {"method": 5},
        {"id": ""},
        {"status": "whatever"},
        {"amount": Decimal("NaN")},
    ],
    ids=str,
)
async def test_an_answer_that_is_no_payment_leaves_the_outcome_unknown(
    office: Office, nonsense: dict[str, Any]
) -> None:
    invoice = await office.invoice()
    office.vendor.distort = nonsense

    answer = await office.act(invoice, "charge")

    assert (answer.status_code, answer.json()["code"]) == (502, "outcome_unknown"), answer.text
    office.vendor.distort = {}
    assert (await office.charge(invoice))["status"] == "paid"
    assert len(office.vendor.collected) == 1


@pytest.mark.parametrize("refunded", ["0.0000001", "1e30", "-1"])
async def test_news_of_money_that_cannot_be_are_refused(office: Office, refunded: str) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)

    answer = await office.deliver(**signed(**PAID, refunded=refunded))

    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_unreadable")
    assert await office.server.rows(PaymentNews) == []
    assert (await office.look(invoice))["amount_refunded"] == "0.00"


async def test_an_id_that_another_payment_has_is_not_taken(office: Office) -> None:
    """Otherwise what is told of one client's payment would settle another's invoice."""
    first, second = await office.invoice(), await office.invoice("2026-09")
    await office.charge(first)
    office.vendor.distort = {"id": "pay_1"}

    answer = await office.act(second, "charge")

    assert (answer.status_code, answer.json()["code"]) == (502, "outcome_unknown"), answer.text
    assert [each["vendor_id"] for each in await office.server.rows(Payment)] == ["pay_1", None]


async def test_news_settle_the_payment_with_their_id_whatever_reference_they_carry(office: Office) -> None:
    first, second = await office.invoice(), await office.invoice("2026-09")
    for invoice in (first, second):
        await office.charge(invoice, by_link=True)
    other = (await office.look(second))["payments"][0]["id"]

    answer = await office.deliver(**signed(**PAID, reference=other))

    assert answer.json() == {"status": "applied"}
    assert [(await office.look(each))["status"] for each in (first, second)] == ["paid", "pending"]


async def test_a_repeated_event_moves_no_other_payment(office: Office) -> None:
    first, second = await office.invoice(), await office.invoice("2026-09")
    for invoice in (first, second):
        await office.charge(invoice, by_link=True)
    await office.deliver(**signed(**PAID))

    answer = await office.deliver(**signed(**{**PAID, "payment": "pay_2"}))

    assert answer.json() == {"status": "repeated"}
    assert (await office.look(second))["status"] == "pending"


async def test_a_refund_that_news_tell_of_is_not_made_again(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    assert (await office.act(invoice, "refund", amount="30")).json()["code"] == "outcome_unknown"
    await office.deliver(**signed(**PAID, refunded="30"))

    asked_again = await office.act(invoice, "refund", amount="30")

    assert asked_again.status_code == 200, asked_again.text
    assert office.vendor.given_back == [Decimal(30)]
    state = asked_again.json()
    assert (state["amount_refunded"], [each["status"] for each in state["refunds"]]) == ("30.00", ["done"])
    rest = (await office.act(invoice, "refund")).json()
    assert (rest["status"], office.vendor.given_back) == ("refunded", [Decimal(30), Decimal(19)])


async def test_a_refund_of_all_that_news_tell_of_is_done(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    assert (await office.act(invoice, "refund")).json()["code"] == "outcome_unknown"

    await office.deliver(**signed(**{**PAID, "status": "refunded"}, refunded="49"))

    state = await office.look(invoice)
    assert (state["status"], [each["status"] for each in state["refunds"]]) == ("refunded", ["done"])


async def test_the_same_refund_again_on_purpose_is_another_one(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)
    for _ in range(2):
        assert (await office.act(invoice, "refund", amount="10")).status_code == 200
    assert office.vendor.given_back == [Decimal(10), Decimal(10)]


async def test_a_stale_answer_to_a_refund_takes_nothing_back_from_it(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)
    office.vendor.distort = {"refunded": Decimal(0), "status": "paid"}

    state = (await office.act(invoice, "refund", amount="30")).json()

    assert state["amount_refunded"] == "30.00"
    office.vendor.distort = {}
    over = await office.act(invoice, "refund", amount="19.01")
    assert (over.status_code, over.json()["code"]) == (422, "amount_invalid")


async def test_an_invoice_of_more_than_can_be_paid_is_refused(office: Office) -> None:
    await office.price(usage_rate="999999")
    await office.use(10**12)

    answer = await office.operator.ask(
        "POST", f"{office.client_path}/invoices", json={"billing_period": "2026-10"}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "amount_too_large"), answer.text
