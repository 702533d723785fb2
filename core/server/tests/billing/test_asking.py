"""What became of money is found out every hour, without anybody asking."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from csai.models import Payment, Refund

from core.server.tests.billing.conftest import Office, claimed
from tests.support.operator import sign_in

DAY_S = 86_400


async def an_hour_passes(office: Office) -> None:
    await office.server.services.billing.asking.reconcile(office.server.client.id)


async def test_the_job_is_one_of_those_that_run(office: Office) -> None:
    jobs = office.server.services.jobs._work.jobs

    assert jobs["payments"].do == office.server.services.billing.asking.reconcile


async def test_a_lost_answer_is_found_out(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.refuse = ["process"], ["status"]
    await office.act(invoice, "charge")
    assert (await office.look(invoice))["payments"][0]["status"] == "unknown"

    await an_hour_passes(office)

    assert (await office.look(invoice))["status"] == "paid"
    assert len(office.vendor.collected) == 1


async def test_a_payment_whose_webhook_never_came_is_found_out(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.payments["pay_1"] = replace(office.vendor.payments["pay_1"], status="paid")

    await an_hour_passes(office)

    assert (await office.look(invoice))["status"] == "paid"


async def test_asking_collects_nothing(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.goes_dark = ["create"], True
    await office.act(invoice, "charge")
    office.vendor.is_dark = False

    await an_hour_passes(office)

    (payment,) = (await office.look(invoice))["payments"]
    assert (payment["status"], payment["gateway_payment_id"]) == ("pending", "pay_1")
    assert "charge it again" in payment["reason"]
    assert office.vendor.collected == []
    assert (await office.charge(invoice))["status"] == "paid"


async def test_what_the_vendor_never_heard_of_has_failed_after_a_day(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.goes_dark = ["create"], True
    await office.act(invoice, "charge")
    office.vendor.is_dark = False
    office.vendor.references.clear()

    await an_hour_passes(office)
    assert [each["status"] for each in await office.server.rows(Payment)] == ["unknown"]
    office.clock.advance(DAY_S)
    await an_hour_passes(office)

    assert [each["status"] for each in await office.server.rows(Payment)] == ["failed"]


async def test_what_somebody_works_on_is_left_alone(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.refuse = ["process"], ["status"]
    await office.act(invoice, "charge")
    await claimed(office, Payment)
    office.vendor.calls.clear()

    await an_hour_passes(office)

    assert office.vendor.calls == []


async def test_where_nothing_has_changed_an_admins_tag_still_holds(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    path = f"/admin/billing/invoices/{invoice}"
    tag = (await office.operator.ask("GET", path)).headers["etag"]

    await an_hour_passes(office)

    assert (await office.operator.ask("GET", path)).headers["etag"] == tag


async def test_one_vendor_that_is_gone_keeps_no_other_from_being_asked(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await office.invoice("2026-09"), await office.invoice()
    for invoice in (first, second):
        await office.charge(invoice, by_link=True)
    office.vendor.payments["pay_2"] = replace(office.vendor.payments["pay_2"], status="paid")
    office.clock.advance(DAY_S)
    office.vendor.refuse = ["status"]

    await an_hour_passes(office)

    office.operator = await sign_in(office.server, email="second@example.com")
    assert [(await office.look(each))["status"] for each in (first, second)] == ["pending", "paid"]
    assert caplog.text.count("payment.not_known") == 1


@pytest.fixture
async def lost_refund(office: Office) -> str:
    """An invoice of 49, of which 10 were given back, and nobody has heard of it."""
    invoice = await office.invoice()
    await office.charge(invoice)
    office.vendor.lose, office.vendor.refuse = ["refund"], ["status"]
    assert (await office.act(invoice, "refund", amount="10")).json()["code"] == "outcome_unknown"
    return invoice


async def test_a_lost_refund_is_found_out_and_not_made_again(office: Office, lost_refund: str) -> None:
    await an_hour_passes(office)

    state = await office.look(lost_refund)
    assert ([each["status"] for each in state["refunds"]], state["amount_refunded"]) == (["done"], "10.00")
    again = (await office.act(lost_refund, "refund", amount="10")).json()
    assert (len(again["refunds"]), office.vendor.given_back) == (1, [Decimal(10)])
    other = (await office.act(lost_refund, "refund", amount="10")).json()
    assert (other["amount_refunded"], office.vendor.given_back) == ("20.00", [Decimal(10)] * 2)


async def test_a_refund_that_was_never_made_has_failed_after_a_day(office: Office, lost_refund: str) -> None:
    invoice_key = f"csai-{lost_refund}-1-process"
    office.vendor.payments["pay_1"] = office.vendor.answers[invoice_key][1]
    office.vendor.given_back.clear()

    await an_hour_passes(office)
    assert [each["status"] for each in await office.server.rows(Refund)] == ["unknown"]
    office.clock.advance(DAY_S)
    await an_hour_passes(office)

    assert [each["status"] for each in await office.server.rows(Refund)] == ["failed"]
    office.operator = await sign_in(office.server, email="second@example.com")
    office.vendor.forget_keys()
    assert (await office.act(lost_refund, "refund", amount="10")).status_code == 200
    assert office.vendor.given_back == [Decimal(10)]
