"""Invoices: made once of a period that is over, right to the millionth, listed, paid by hand."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from csai.billing.money import payable, to_amount, to_micros
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Conversation, Invoice, Payment, Turn
from hypothesis import given
from hypothesis import strategies as st

from core.server.tests.billing.conftest import NOW, PERIOD, Office, OfficeFactory
from tests.support.operator import sign_in


async def test_an_invoice_is_the_base_price_and_the_ledgers_cost(office: Office) -> None:
    other = await office.server.add_client(name="Other")
    for micros in (1_234_567, 2, 333):
        await office.use(micros)
    await office.use(5_000_000, period="2026-09")
    await office.use(7_000_000, client_id=other.id)

    state = await office.look(await office.invoice())

    assert {name: state[name] for name in ("base_cost", "usage_cost", "total_cost", "amount_due")} == {
        "base_cost": "49.00",
        "usage_cost": "1.234902",
        "total_cost": "50.234902",
        "amount_due": "50.23",
    }
    assert (state["billing_period"], state["plan_type"], state["status"]) == (PERIOD, "default", "pending")
    (row,) = await office.server.rows(Invoice)
    assert row["base_cost_micros"] + row["usage_cost_micros"] == row["total_cost_micros"] == 50_234_902
    (entry,) = await office.server.rows(AuditEntry, action="invoice.created")
    assert entry["after"]["total_cost"] == "50.234902"


async def test_usage_is_charged_at_the_plans_rate_in_its_currency(office: Office) -> None:
    await office.price(currency="EUR", usage_rate="1.15")
    await office.use(1_000_001)

    state = await office.look(await office.invoice())

    assert (state["currency"], state["usage_cost"]) == ("EUR", "1.150001")
    assert (state["ledger_cost_usd"], state["usage_rate"]) == ("1.000001", "1.15")


async def test_an_invoice_keeps_what_it_was_made_with(office: Office) -> None:
    invoice = await office.invoice()
    await office.price(base="99")
    await office.use(1_000_000)

    assert (await office.look(invoice))["total_cost"] == "49.00"


async def test_a_period_is_invoiced_once_however_many_ask(office: Office) -> None:
    path = f"{office.client_path}/invoices"

    answers = await asyncio.gather(
        *(office.operator.ask("POST", path, json={"billing_period": PERIOD}) for _ in range(8))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code", "invoice_exists") for answer in answers} == {"invoice_exists"}
    assert len(await office.server.rows(Invoice)) == 1


@pytest.mark.parametrize(
    ("period", "timezone", "status", "code"),
    [
        ("2026-11", "UTC", 409, "period_open"),
        ("2027-01", "UTC", 409, "period_open"),
        ("2026-13", "UTC", 422, "period_invalid"),
        ("2026-1", "UTC", 422, "period_invalid"),
        ("0000-01", "UTC", 422, "period_invalid"),
    ],
)
async def test_a_period_that_is_not_over_is_not_invoiced(
    make_office: OfficeFactory, period: str, timezone: str, status: int, code: str
) -> None:
    office = await make_office(client={"timezone": timezone})

    answer = await office.operator.ask(
        "POST", f"{office.client_path}/invoices", json={"billing_period": period}
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_month_ends_where_the_client_is(make_office: OfficeFactory) -> None:
    office = await make_office(client={"timezone": "America/Los_Angeles"})
    office.clock.time = NOW.replace(day=1, hour=6, minute=59)
    office.operator = await sign_in(office.server, email="second@example.com")
    path, body = f"{office.client_path}/invoices", {"billing_period": PERIOD}
    assert (await office.operator.ask("POST", path, json=body)).json()["code"] == "period_open"

    office.clock.advance(60)

    assert (await office.operator.ask("POST", path, json=body)).status_code == 201


async def test_a_turn_that_still_runs_holds_its_period_open(office: Office) -> None:
    conversation, client = new_id(), office.server.client.id
    begun = {"client_id": client, "started_at": NOW, "last_message_at": NOW, "state_since": NOW}
    await office.server.insert(Conversation, id=conversation, session_id=new_id(), channel="widget", **begun)
    await office.server.insert(
        Turn,
        id=new_id(),
        client_id=client,
        conversation_id=conversation,
        status="running",
        body_hash="",
        fence=1,
        period=PERIOD,
        reserved={},
        accepted_at=NOW,
        deadline_at=NOW,
    )

    answer = await office.operator.ask(
        "POST", f"{office.client_path}/invoices", json={"billing_period": PERIOD}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "period_open")
    assert await office.invoice("2026-09")


async def test_what_costs_nothing_is_paid_at_once(office: Office) -> None:
    await office.price(base="0")
    invoice = await office.invoice()

    assert (await office.look(invoice))["status"] == "paid"
    refused = await office.act(invoice, "charge")
    assert (refused.status_code, refused.json()["code"]) == (409, "invoice_paid")


async def test_an_unpaid_invoice_is_overdue_once_its_time_is_up(make_office: OfficeFactory) -> None:
    office = await make_office(invoice_due_days=1)
    invoice = await office.invoice()
    office.clock.advance(86_399)
    assert (await office.look(invoice))["status"] == "pending"
    office.clock.advance(2)
    office.operator = await sign_in(office.server, email="second@example.com")

    assert (await office.look(invoice))["status"] == "overdue"
    listed = {
        status: (await office.operator.get("/admin/billing/invoices", status=status))["invoices"]
        for status in ("pending", "overdue", "paid")
    }
    assert {status: len(found) for status, found in listed.items()} == {"pending": 0, "overdue": 1, "paid": 0}


async def test_invoices_are_paged_and_filtered(office: Office) -> None:
    other = await office.server.add_client(name="Other")
    mine = [await office.invoice(period) for period in ("2026-08", "2026-09", "2026-10")]
    answer = await office.operator.ask(
        "POST", f"/admin/clients/{other.id}/invoices", json={"billing_period": "2026-09"}
    )
    theirs = answer.json()["id"]
    path = "/admin/billing/invoices"

    async def ids(path: str, **query: Any) -> list[str]:
        return [each["id"] for each in (await office.operator.get(path, **query))["invoices"]]

    first = await office.operator.get(path, count=3)
    rest = await office.operator.get(path, count=3, before=first["next"])
    assert [each["id"] for each in first["invoices"] + rest["invoices"]] == [theirs, *reversed(mine)]
    assert rest["next"] is None
    assert await ids(path, period="2026-09") == [theirs, mine[1]]
    assert await ids(path, client_id=other.id) == [theirs]
    assert await ids(f"{office.client_path}/invoices") == list(reversed(mine))
    assert await ids(f"/admin/clients/{other.id}/invoices") == [theirs]


async def test_an_admin_books_a_payment_that_came_by_other_ways(office: Office) -> None:
    invoice = await office.invoice()
    body = {"method": "bank_transfer", "reference": "RF18 5390", "paid_at": "2026-11-20T10:00:00Z"}

    state = (await office.act(invoice, "mark-paid", **body)).json()

    assert (state["status"], state["paid_at"]) == ("paid", "2026-11-20T10:00:00Z")
    assert (state["payment_provider"], state["payment_provider_id"], state["payment_method"]) == (
        "manual",
        "RF18 5390",
        "bank_transfer",
    )
    assert (state["amount_paid"], state["amount_overpaid"]) == ("49.00", "0.00")
    again = await office.act(invoice, "mark-paid", **body)
    assert (again.status_code, again.json()["code"]) == (409, "invoice_paid")
    assert len(await office.server.rows(Payment)) == 1
    actions = [entry["action"] for entry in await office.server.rows(AuditEntry, actor="admin")]
    assert "invoice.marked_paid" in actions


async def test_an_invoice_that_changed_meanwhile_is_not_marked(office: Office) -> None:
    invoice = await office.invoice()
    path = f"/admin/billing/invoices/{invoice}"
    tag = (await office.operator.ask("GET", path)).headers["etag"]
    office.vendor.decline = "insufficient_funds"
    await office.charge(invoice)

    answer = await office.operator.ask("POST", f"{path}/mark-paid", json={}, headers={"If-Match": tag})

    assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile")
    assert (await office.look(invoice))["status"] == "pending"


async def test_who_only_reads_moves_no_money(office: Office) -> None:
    invoice = await office.invoice()
    office.operator = await sign_in(office.server, email="viewer@example.com", role="viewer")

    wishes = ("charge", "refund", "mark-paid", "void", "refresh")
    refused = [(await office.act(invoice, what)).status_code for what in wishes]

    assert refused == [403] * 5
    assert (await office.look(invoice))["status"] == "pending"
    assert office.vendor.calls == []


@pytest.mark.parametrize("what", ["", "/charge", "/refund", "/mark-paid", "/void", "/refresh"])
async def test_an_invoice_that_there_is_not_is_not_found(office: Office, what: str) -> None:
    for unknown in (new_id(), "nonsense"):
        answer = await office.operator.ask(
            "POST" if what else "GET",
            f"/admin/billing/invoices/{unknown}{what}",
            json={} if what else None,
            headers={"If-Match": "*"},
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ({"currency": "EUR"}, "usage_rate_missing"),
        ({"currency": "E1"}, "currency_invalid"),
        ({"base": "-1"}, "price_invalid"),
        ({"base": "0.005"}, "price_invalid"),
        ({"base": "49.50", "currency": "JPY", "usage_rate": "150"}, "price_invalid"),
        ({"base": "NaN"}, "request_invalid"),
        ({"usage_rate": "0.0000001"}, "price_invalid"),
        ({"base": "1e30"}, "price_invalid"),
    ],
)
async def test_a_price_that_cannot_be_is_refused(office: Office, price: dict[str, str], code: str) -> None:
    answer = await office.operator.ask(
        "PUT", "/admin/plans/default/price", json=price, headers={"If-Match": "*"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_plans_are_listed_with_what_they_cost_and_who_is_on_them(office: Office) -> None:
    await office.price(base="59", currency="EUR", usage_rate="1.1")

    (plan,) = (await office.operator.get("/admin/plans"))["plans"]

    assert (plan["plan"], plan["clients"]) == ("default", 1)
    assert (plan["base"], plan["currency"], plan["usage_rate"]) == ("59.00", "EUR", "1.10")
    assert isinstance(plan["limits"], dict)


async def test_who_says_how_a_client_pays_is_told_through_which_gateways(office: Office) -> None:
    assert (await office.operator.get(f"{office.client_path}/payer"))["gateways"] == ["till"]


@pytest.mark.parametrize(
    "payer",
    [
        {"gateway": "nobody"},
        {"customer": "cus_1"},
        {"gateway": "till", "method": "pm_1"},
        {"gateway": "till", "customer": "cus_\u0130"},
        {"gateway": "till", "customer": "c" * 256},
    ],
)
async def test_a_payer_that_cannot_be_is_refused(office: Office, payer: dict[str, str]) -> None:
    answer = await office.operator.ask(
        "PUT", f"{office.client_path}/payer", json=payer, headers={"If-Match": "*"}
    )

    assert answer.status_code == 422
    assert (await office.operator.get(f"{office.client_path}/payer"))["customer"] == "cus_1"


@given(st.integers(-(10**15), 10**15))
def test_amounts_are_whole_millionths(micros: int) -> None:
    assert to_micros(to_amount(micros)) == micros


@pytest.mark.parametrize(
    ("micros", "currency", "amount"),
    [
        (1_005_000, "USD", "1.01"),
        (1_004_999, "USD", "1.00"),
        (499_999, "JPY", "0.00"),
        (500_000, "JPY", "1.00"),
        (1_234_567, "KWD", "1.23"),
        (1_500_000, "MGA", "2.00"),
    ],
)
def test_what_is_due_can_be_paid(micros: int, currency: str, amount: str) -> None:
    assert to_amount(payable(micros, currency)) == Decimal(amount)
