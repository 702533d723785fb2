"""Invoices are paid once through a gateway, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from csai.admins.audit import SYSTEM
from csai.billing.charging import Wish
from csai.models import AuditEntry, Payment
from csai_sdk import Gateway, Payer, hookimpl

from core.server.tests.billing.conftest import LEASE_S, Office, OfficeFactory, claimed
from tests.support.operator import sign_in
from tests.support.till import Till, TillPlugin, Vendor, signed


def moved(office: Office) -> list[str]:
    return office.vendor.collected


async def test_a_saved_card_is_charged_once(office: Office) -> None:
    await office.use(1_234_567)
    invoice = await office.invoice()

    state = await office.charge(invoice)

    assert (state["status"], state["payment_provider"], state["payment_method"]) == ("paid", "till", "card")
    assert state["payment_provider_id"] == "pay_1"
    (payment,) = state["payments"]
    assert (payment["status"], payment["amount"], payment["attempt"]) == ("paid", "50.23", 1)
    assert office.vendor.payers == [Payer("cus_1", "pm_1")]
    assert office.vendor.payments["pay_1"].amount == Decimal("50.23")
    again = await office.act(invoice, "charge")
    assert (again.status_code, again.json()["code"]) == (409, "invoice_paid")
    assert moved(office) == ["pay_1"]
    actions = [
        entry["action"] for entry in await office.server.rows(AuditEntry, client_id=office.server.client.id)
    ]
    assert actions[-2:] == ["invoice.charged", "invoice.paid"]


async def test_keys_are_made_of_invoice_and_attempt(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.decline = "insufficient_funds"
    await office.charge(invoice)
    office.vendor.decline = ""
    await office.charge(invoice)

    assert [call for call in office.vendor.calls if call[1]] == [
        (what, f"csai-{invoice}-{attempt}-{what}") for attempt in (1, 2) for what in ("create", "process")
    ]


async def test_a_declined_card_is_told_and_may_be_tried_again(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.decline = "insufficient_funds"

    state = await office.charge(invoice)

    assert (state["status"], state["payments"][0]["status"]) == ("pending", "failed")
    assert state["payments"][0]["reason"] == "insufficient_funds"
    office.vendor.decline = ""
    assert (await office.charge(invoice))["status"] == "paid"
    assert moved(office) == ["pay_2"]


async def test_without_a_saved_card_somebody_pays_at_the_vendors_page(office: Office) -> None:
    invoice = await office.invoice()

    state = await office.charge(invoice, by_link=True)

    (payment,) = state["payments"]
    assert (payment["status"], payment["redirect_url"]) == ("requires_action", "https://till.example/pay")
    assert office.vendor.payers == [None]
    again = await office.charge(invoice)
    assert len(again["payments"]) == 1, "an attempt that is open is gone on with"
    assert len(office.vendor.payments) == 1
    assert moved(office) == []


async def test_twenty_charges_at_once_charge_once(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.wait = asyncio.Event()

    charging = [asyncio.create_task(office.act(invoice, "charge")) for _ in range(20)]
    await office.vendor.collecting.wait()
    others = [task for task in charging if not task.done()]
    while len(others) > 1:
        await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        others = [task for task in charging if not task.done()]
    office.vendor.wait.set()
    answers = [await task for task in charging]

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {answer.json()["code"] for answer in refused} == {"charge_running"}
    assert all(0 < int(answer.headers["retry-after"]) <= LEASE_S for answer in refused)
    assert moved(office) == ["pay_1"]
    assert len(await office.server.rows(Payment)) == 1
    assert (await office.look(invoice))["amount_paid"] == "49.00"


@pytest.mark.parametrize("can_search", [True, False])
@pytest.mark.parametrize("lost", [["create"], ["process"], ["create", "process"]])
async def test_a_lost_answer_is_asked_for_and_nothing_is_paid_twice(
    office: Office, lost: list[str], can_search: bool
) -> None:
    invoice = await office.invoice()
    office.vendor.lose = lost.copy()
    office.vendor.can_search = can_search

    answer = await office.act(invoice, "charge")
    while answer.status_code == 502:
        assert answer.json()["code"] == "outcome_unknown"
        answer = await office.act(invoice, "charge")

    assert answer.json()["status"] == "paid"
    assert moved(office) == ["pay_1"]
    assert len(office.vendor.payments) == 1
    assert len(await office.server.rows(Payment)) == 1


async def test_an_outcome_that_stays_unknown_is_kept_as_such(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.refuse = ["process"], ["status"]

    answer = await office.act(invoice, "charge")

    assert (answer.status_code, answer.json()["code"]) == (502, "outcome_unknown")
    assert [each["status"] for each in (await office.look(invoice))["payments"]] == ["unknown"]
    marked = await office.act(invoice, "mark-paid")
    assert (marked.status_code, marked.json()["code"]) == (409, "payment_open")
    assert (await office.charge(invoice))["status"] == "paid"
    assert moved(office) == ["pay_1"]


async def test_a_link_is_not_made_while_a_saved_card_may_yet_pay(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.goes_dark = ["process"], True
    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"
    office.vendor.is_dark = False

    answer = await office.act(invoice, "charge", by_link=True)

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_open")
    assert len(office.vendor.payments) == 1


async def test_a_refusal_after_a_lost_answer_proves_nothing(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.refuse = ["process"], ["status"]
    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"
    office.vendor.refuse = ["status", "status"]

    answer = await office.act(invoice, "charge")

    assert (answer.status_code, answer.json()["code"]) == (502, "outcome_unknown")
    assert [each["status"] for each in (await office.look(invoice))["payments"]] == ["unknown"]


async def test_what_the_gateway_refuses_for_certain_has_failed(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.refuse = ["create"]

    answer = await office.act(invoice, "charge")

    assert (answer.status_code, answer.json()["code"]) == (502, "gateway_failed")
    assert "try again tomorrow" in answer.json()["detail"]
    assert [each["status"] for each in (await office.look(invoice))["payments"]] == ["failed"]
    assert (await office.charge(invoice))["status"] == "paid"


async def test_a_key_that_the_vendor_may_have_forgotten_is_not_sent_again(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.goes_dark = ["create"], True
    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"
    office.vendor.is_dark = office.vendor.can_search = False
    office.clock.advance(86_400)
    office.operator = await sign_in(office.server, email="second@example.com")

    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"

    assert len(office.vendor.payments) == 1
    assert moved(office) == []
    state = await office.charge(invoice, gives_up_open=True)
    assert [each["status"] for each in state["payments"]] == ["failed", "paid"]


async def test_what_the_vendor_never_heard_of_has_failed_in_the_end(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.goes_dark = ["create"], True
    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"
    office.vendor.is_dark = False
    office.vendor.references.clear()
    office.clock.advance(86_400)
    office.operator = await sign_in(office.server, email="second@example.com")

    state = await office.refresh(invoice)

    assert [(each["status"], each["reason"]) for each in state["payments"]] == [
        ("failed", "the vendor does not know of it")
    ]


async def test_a_charge_that_died_is_gone_on_with_when_its_claim_is_over(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.lose, office.vendor.refuse = ["process"], ["status"]
    await office.act(invoice, "charge")
    await claimed(office, Payment)

    assert (await office.act(invoice, "charge")).json()["code"] == "charge_running"
    office.clock.advance(LEASE_S + 1)
    assert (await office.charge(invoice))["status"] == "paid"
    assert moved(office) == ["pay_1"]


async def test_a_charge_that_is_cut_off_lets_go_at_once(office: Office) -> None:
    invoice = await office.invoice()
    office.vendor.wait = asyncio.Event()
    charging = asyncio.create_task(
        office.server.services.billing.charges.charge(invoice, Wish(), actor=SYSTEM)
    )
    await office.vendor.collecting.wait()
    assert (await office.act(invoice, "charge")).json()["code"] == "charge_running"
    charging.cancel()
    await asyncio.wait([charging])
    office.vendor.wait = None

    assert (await office.charge(invoice))["status"] == "paid"
    assert moved(office) == ["pay_1"]


async def test_a_charge_that_takes_long_keeps_others_off_beyond_its_lease(
    make_office: OfficeFactory,
) -> None:
    office = await make_office(lease_s=2)
    await office.pays_with(gateway="till", customer="cus_1", method="pm_1")
    invoice = await office.invoice()
    office.vendor.wait = asyncio.Event()
    charging = asyncio.create_task(office.charge(invoice))
    await office.vendor.collecting.wait()
    (begun,) = await office.server.rows(Payment)
    office.clock.advance(1.9)

    async with asyncio.timeout(20):
        while (await office.server.rows(Payment))[0]["claimed_until"] == begun["claimed_until"]:
            await office.look(invoice)
    office.clock.advance(1.9)

    assert (await office.act(invoice, "charge")).json()["code"] == "charge_running"
    office.vendor.wait.set()
    assert (await charging)["status"] == "paid"
    assert moved(office) == ["pay_1"]


async def test_the_status_is_asked_for_on_demand(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.payments["pay_1"] = replace_status(office.vendor, "pay_1", "paid")

    assert (await office.look(invoice))["status"] == "pending"
    assert (await office.refresh(invoice))["status"] == "paid"


def replace_status(vendor: Vendor, payment_id: str, status: Any) -> Any:
    return replace(vendor.payments[payment_id], status=status)


async def test_a_vendor_that_tells_of_other_money_settles_nothing(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    office.vendor.payments["pay_1"] = replace(
        office.vendor.payments["pay_1"], status="paid", amount=Decimal("0.49")
    )

    state = await office.refresh(invoice)

    assert (state["status"], state["amount_paid"]) == ("pending", "0.00")
    assert "another amount" in state["payments"][0]["reason"]


async def test_paid_by_hand_after_giving_up_and_by_link_as_well_is_overpaid(office: Office) -> None:
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    assert (await office.act(invoice, "mark-paid")).json()["code"] == "payment_open"
    assert (await office.act(invoice, "mark-paid", gives_up_open=True)).status_code == 200
    office.vendor.payments["pay_1"] = replace_status(office.vendor, "pay_1", "paid")

    await office.deliver(**signed(id="evt_1", payment="pay_1", status="paid"))
    state = await office.look(invoice)

    assert (state["status"], state["amount_paid"], state["amount_overpaid"]) == ("paid", "98.00", "49.00")
    assert state["payment_provider"] == "manual"


class Second(Till):
    id = "second"


class SecondPlugin(TillPlugin):
    """Another vendor beside the till."""

    @hookimpl
    def register_gateways(self) -> Sequence[Gateway]:
        return [Second(self.vendor)]


async def test_a_gateway_is_named_where_there_are_several(make_office: OfficeFactory) -> None:
    second = Vendor()
    office = await make_office(plugins={"second": SecondPlugin(second)})
    invoice = await office.invoice()

    unnamed = await office.act(invoice, "charge")
    unknown = await office.act(invoice, "charge", gateway="nobody")
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "gateway_missing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "gateway_unknown")

    state = await office.charge(invoice, gateway="second")
    assert state["payments"][0]["gateway"] == "second"
    other = await office.act(invoice, "charge", gateway="till")
    assert (other.status_code, other.json()["code"]) == (409, "payment_open")
    assert office.vendor.calls == []
