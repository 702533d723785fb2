"""An invoice that is not owed is taken back, and nobody can pay it after all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from csai.models import AuditEntry, Payment

from core.server.tests.billing.conftest import NOW, Office, claimed
from tests.support.till import signed


async def test_a_void_invoice_leaves_its_period_to_another(office: Office) -> None:
    first = await office.invoice()

    state = (await office.act(first, "void", reason="wrong price")).json()

    assert (state["status"], state["amount_due"]) == ("void", "0.00")
    (entry,) = await office.server.rows(AuditEntry, action="invoice.void")
    assert entry["after"] == {"status": "void", "reason": "wrong price"}
    await office.price(base="59")
    second = await office.invoice()
    assert (await office.charge(second))["amount_paid"] == "59.00"
    listed = await office.operator.get("/admin/billing/invoices", status="void")
    assert [each["id"] for each in listed["invoices"]] == [first]


async def test_a_void_invoice_takes_no_money(office: Office) -> None:
    invoice = await office.invoice()
    await office.act(invoice, "void")

    answers = [await office.act(invoice, what) for what in ("charge", "mark-paid", "void")]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(409, "invoice_void")}
    assert office.vendor.calls == []


async def test_a_paid_invoice_is_not_void(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice)

    answer = await office.act(invoice, "void", gives_up_open=True)

    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_paid")


async def test_a_link_of_a_void_invoice_is_called_off(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)

    state = (await office.act(invoice, "void")).json()

    (payment,) = state["payments"]
    assert (state["status"], payment["status"], payment["redirect_url"]) == ("void", "failed", "")
    assert office.vendor.payments["pay_1"].status == "failed"
    assert office.vendor.calls[-1] == ("cancel", f"csai-{invoice}-1-cancel")


async def test_what_was_paid_a_moment_ago_is_not_void(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.payments["pay_1"] = replace(office.vendor.payments["pay_1"], status="paid")

    answer = await office.act(invoice, "void", gives_up_open=True)

    assert (answer.status_code, answer.json()["code"]) == (409, "invoice_paid")
    assert (await office.look(invoice))["amount_paid"] == "49.00"


async def test_what_cannot_be_called_off_is_void_only_when_it_is_given_up(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.refuse = ["cancel", "cancel"]

    refused = await office.act(invoice, "void")
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_open")
    assert (await office.look(invoice))["status"] == "pending"
    state = (await office.act(invoice, "void", gives_up_open=True)).json()
    assert (state["status"], state["payments"][0]["reason"]) == ("void", "given up by an admin")


async def test_money_that_comes_for_a_void_invoice_is_to_be_given_back(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.refuse = ["cancel"]
    await office.act(invoice, "void", gives_up_open=True)
    office.vendor.payments["pay_1"] = replace(office.vendor.payments["pay_1"], status="paid")

    await office.deliver(**signed(id="evt_1", payment="pay_1", status="paid", at=NOW.timestamp()))

    state = await office.look(invoice)
    assert (state["status"], state["amount_overpaid"]) == ("void", "49.00")
    back = (await office.act(invoice, "refund")).json()
    assert (back["status"], back["amount_overpaid"], back["amount_refunded"]) == ("void", "0.00", "49.00")


async def test_an_invoice_is_not_void_while_it_is_being_charged(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    await claimed(office, Payment)

    answer = await office.act(invoice, "void", gives_up_open=True)

    assert (answer.status_code, answer.json()["code"]) == (409, "charge_running")


async def test_charges_and_voids_at_once_come_to_one_of_both(office: Office) -> None:
    invoice = await office.invoice()

    await asyncio.gather(*(office.act(invoice, what) for what in ("charge", "void") * 5))

    state = await office.look(invoice)
    assert (state["status"], len(office.vendor.collected)) in {("paid", 1), ("void", 0)}
    assert state["amount_overpaid"] == "0.00"


async def test_charging_anew_calls_off_what_is_open(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    tag = (await office.operator.ask("GET", f"/admin/billing/invoices/{invoice}")).headers["etag"]

    answer = await office.operator.ask(
        "POST",
        f"/admin/billing/invoices/{invoice}/charge",
        json={"gives_up_open": True},
        headers={"If-Match": tag},
    )

    assert answer.status_code == 200, answer.text
    assert [each["status"] for each in answer.json()["payments"]] == ["failed", "paid"]
    assert office.vendor.payments["pay_1"].status == "failed"
    late = await office.operator.ask(
        "POST",
        f"/admin/billing/invoices/{invoice}/void",
        json={},
        headers={"If-Match": tag},
    )
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
