"""Payers object to what was collected, and vendors tell of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from csai.billing.state import News, told
from csai_sdk import PaymentEvent

from core.server.tests.billing.conftest import NOW, Office
from core.server.tests.billing.test_webhook import FRESH
from tests.support.till import signed

AT = NOW.timestamp()
OPEN: dict[str, Any] = {"id": "evt_1", "payment": "pay_1", "status": "paid", "dispute": "open", "at": AT + 1}
WON = OPEN | {"id": "evt_2", "dispute": "won", "at": AT + 2}
LOST = OPEN | {"id": "evt_3", "dispute": "lost", "at": AT + 3}


@pytest.fixture
async def paid(office: Office) -> str:
    invoice = await office.invoice()
    await office.charge(invoice)
    return invoice


async def test_a_dispute_is_told_of_and_ends(office: Office, paid: str) -> None:
    said = []
    for news in (OPEN, WON):
        assert (await office.deliver(**signed(**news))).json() == {"status": "applied"}
        state = await office.look(paid)
        said.append((state["status"], state["payments"][0]["dispute"]))

    assert said == [("disputed", "open"), ("paid", "won")]


async def test_what_is_disputed_is_not_given_back_as_well(office: Office, paid: str) -> None:
    await office.deliver(**signed(**OPEN))

    answer = await office.act(paid, "refund")

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_disputed")
    assert office.vendor.given_back == []
    await office.deliver(**signed(**WON))
    assert (await office.act(paid, "refund")).json()["status"] == "refunded"


async def test_a_lost_dispute_is_money_that_is_owed_again(office: Office, paid: str) -> None:
    await office.deliver(**signed(**LOST))
    refused = [(await office.act(paid, what)).json()["code"] for what in ("charge", "void", "refund")]
    assert refused == ["invoice_disputed", "invoice_disputed", "payment_disputed"]

    booked = (await office.act(paid, "mark-paid", reference="RF18")).json()

    assert (booked["status"], booked["payment_provider"]) == ("paid", "manual")
    assert booked["amount_overpaid"] == "0.00"


async def test_an_open_dispute_is_not_paid_again(office: Office, paid: str) -> None:
    await office.deliver(**signed(**OPEN))

    assert (await office.act(paid, "mark-paid")).json()["code"] == "invoice_disputed"


def test_a_dispute_comes_to_the_same_in_every_order() -> None:
    every = (OPEN, WON, LOST, OPEN | {"dispute": "", "at": AT + 4})
    ends = {end_of(order) for order in itertools.permutations(every)}

    assert ends == {("paid", "lost")}
    assert {end_of(order) for order in itertools.permutations((OPEN, WON))} == {("paid", "won")}


def end_of(order: tuple[dict[str, Any], ...]) -> tuple[str, str]:
    payment = FRESH
    for news in order:
        at = datetime.fromtimestamp(news["at"], UTC)
        event = PaymentEvent(news["id"], "pay_1", "paid", at=at, dispute=news["dispute"])
        payment = told(payment, News.of_event(event, at=NOW), now=NOW)
    return payment.status, payment.dispute
