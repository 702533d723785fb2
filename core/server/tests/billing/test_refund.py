"""What was paid is given back once, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from csai.models import AuditEntry, Refund

from core.server.tests.billing.conftest import LEASE_S, Office, claimed
from tests.support.operator import sign_in


@pytest.fixture
async def paid(office: Office) -> str:
    """An invoice of 49 dollars, paid at the till."""
    invoice = await office.invoice()
    await office.charge(invoice)
    return invoice


async def test_all_is_given_back(office: Office, paid: str) -> None:
    state = (await office.act(paid, "refund")).json()

    assert (state["status"], state["amount_paid"], state["amount_refunded"]) == ("refunded", "49.00", "49.00")
    assert office.vendor.given_back == [Decimal(49)]
    again = await office.act(paid, "refund")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_refund")
    charged = await office.act(paid, "charge")
    assert (charged.status_code, charged.json()["code"]) == (409, "invoice_refunded")
    actions = [entry["action"] for entry in await office.server.rows(AuditEntry)]
    assert actions[-2:] == ["invoice.refund_asked", "invoice.refunded"]


async def test_parts_are_given_back_until_nothing_is_left(office: Office, paid: str) -> None:
    first = (await office.act(paid, "refund", amount="10")).json()
    second = (await office.act(paid, "refund", amount="10.01")).json()
    last = (await office.act(paid, "refund")).json()

    assert [each["status"] for each in (first, second, last)] == ["paid", "paid", "refunded"]
    assert [each["amount_refunded"] for each in (first, second, last)] == ["10.00", "20.01", "49.00"]
    assert office.vendor.given_back == [Decimal("10.00"), Decimal("10.01"), Decimal("28.99")]
    keys = [key for what, key in office.vendor.calls if what == "refund"]
    assert keys == [f"csai-{paid}-1-refund-{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("amount", ["49.01", "0", "-1", "0.001", "NaN", "1e40"])
async def test_an_amount_that_cannot_be_given_back_is_refused(office: Office, paid: str, amount: str) -> None:
    answer = await office.act(paid, "refund", amount=amount)

    assert (answer.status_code, answer.json()["code"]) in {(422, "amount_invalid"), (422, "request_invalid")}
    assert office.vendor.given_back == []


async def test_two_clicks_are_one_refund(office: Office, paid: str) -> None:
    path = f"/admin/billing/invoices/{paid}"
    tag = (await office.operator.ask("GET", path)).headers["etag"]

    answers = await asyncio.gather(
        *(office.act(paid, "refund", amount="10", if_match=tag) for _ in range(10))
    )

    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert office.vendor.given_back == [Decimal(10)]
    late = await office.act(paid, "refund", amount="10", if_match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert office.vendor.given_back == [Decimal(10)]
    missing = await office.operator.ask("POST", f"{path}/refund", json={})
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")


async def test_a_lost_refund_is_asked_for_and_not_made_twice(office: Office, paid: str) -> None:
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    lost = await office.act(paid, "refund", amount="10")
    assert (lost.status_code, lost.json()["code"]) == (502, "outcome_unknown")
    assert [each["status"] for each in (await office.look(paid))["refunds"]] == ["unknown"]
    other = await office.act(paid, "refund", amount="11")
    assert (other.status_code, other.json()["code"]) == (409, "refund_open")

    state = (await office.act(paid, "refund", amount="10")).json()

    assert (state["amount_refunded"], [each["status"] for each in state["refunds"]]) == ("10.00", ["done"])
    assert office.vendor.given_back == [Decimal(10)]


async def test_a_refund_that_died_before_it_was_sent_is_sent_with_its_key(office: Office, paid: str) -> None:
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    await office.act(paid, "refund", amount="10")
    (key,) = {key for what, key in office.vendor.calls if what == "refund"}
    # As if it had never arrived.
    office.vendor.given_back.clear()
    office.vendor.answers.pop(key)
    office.vendor.payments["pay_1"] = office.vendor.answers[f"csai-{paid}-1-process"][1]

    state = (await office.act(paid, "refund")).json()

    assert state["amount_refunded"] == "10.00"
    assert office.vendor.given_back == [Decimal(10)]
    assert {key for what, key in office.vendor.calls if what == "refund"} == {key}


async def test_a_refund_too_old_to_be_repeated_is_not(office: Office, paid: str) -> None:
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    await office.act(paid, "refund", amount="10")
    office.vendor.payments["pay_1"] = office.vendor.answers[f"csai-{paid}-1-process"][1]
    office.vendor.forget_keys()
    office.clock.advance(86_400)
    office.operator = await sign_in(office.server, email="second@example.com")

    answer = await office.act(paid, "refund", amount="10")

    assert (answer.status_code, answer.json()["code"]) == (502, "outcome_unknown")
    assert office.vendor.given_back == [Decimal(10)]


async def test_a_refusal_is_told_and_the_refund_may_be_asked_for_again(office: Office, paid: str) -> None:
    office.vendor.refuse = ["refund"]
    refused = await office.act(paid, "refund")
    assert (refused.status_code, refused.json()["code"]) == (502, "gateway_failed")

    state = (await office.act(paid, "refund")).json()

    assert [each["status"] for each in state["refunds"]] == ["failed", "done"]
    assert office.vendor.given_back == [Decimal(49)]


async def test_a_refund_under_way_is_left_alone_until_its_claim_is_over(office: Office, paid: str) -> None:
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    await office.act(paid, "refund", amount="10")
    await claimed(office, Refund)

    running = await office.act(paid, "refund")
    assert (running.status_code, running.json()["code"]) == (409, "refund_running")
    office.clock.advance(LEASE_S)
    assert (await office.act(paid, "refund")).json()["amount_refunded"] == "10.00"


async def test_what_was_booked_by_hand_is_given_back_by_hand(office: Office) -> None:
    invoice = await office.invoice()
    await office.act(invoice, "mark-paid")

    part = (await office.act(invoice, "refund", amount="9")).json()
    rest = (await office.act(invoice, "refund")).json()

    assert (part["status"], part["amount_refunded"]) == ("paid", "9.00")
    assert (rest["status"], rest["amount_refunded"]) == ("refunded", "49.00")
    assert [each["status"] for each in rest["refunds"]] == ["done", "done"]
    assert office.vendor.calls == []


async def test_what_the_vendor_gave_back_by_itself_is_seen_on_demand(office: Office, paid: str) -> None:
    office.vendor.payments["pay_1"] = replace(office.vendor.payments["pay_1"], refunded=Decimal("5.5"))
    assert (await office.refresh(paid))["amount_refunded"] == "5.50"
    # Its bank sent it back.
    office.vendor.payments["pay_1"] = replace(office.vendor.payments["pay_1"], refunded=Decimal(0))
    assert (await office.refresh(paid))["amount_refunded"] == "0.00"
