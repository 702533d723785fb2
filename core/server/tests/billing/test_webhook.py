"""What payment vendors tell is taken in once, in any order, and only when they have signed it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from csai.billing.repository import PaymentRow
from csai.billing.state import News, told
from csai.kit.identifier import new_id
from csai.models import AuditEntry, Payment, PaymentNews
from csai_sdk import PaymentEvent

from core.server.tests.billing.conftest import NOW, Office
from tests.support.till import signed

AT = NOW.timestamp()
EMPTY: dict[str, Any] = dict.fromkeys(PaymentRow.__dataclass_fields__, "")
NOT_YET: dict[str, Any] = dict.fromkeys(("claimed_until", "collected_at", "told_at", "vendor_id"))
FRESH = PaymentRow(
    **EMPTY
    | NOT_YET
    | {"status": "begun", "amount_micros": 49_000_000, "refunded_micros": 0, "currency": "USD"}
)
CREATED = {"id": "evt_1", "payment": "pay_1", "status": "requires_action", "at": AT}
PROCESSING = {"id": "evt_2", "payment": "pay_1", "status": "pending", "at": AT + 1}
DECLINED = {"id": "evt_3", "payment": "pay_1", "status": "failed", "at": AT + 2}
PAID = {"id": "evt_4", "payment": "pay_1", "status": "paid", "amount": "49", "currency": "usd", "at": AT + 3}
PART = {"id": "evt_5", "payment": "pay_1", "status": "paid", "refunded": "10", "at": AT + 4}
REFUNDED = {"id": "evt_6", "payment": "pay_1", "status": "refunded", "refunded": "49", "at": AT + 5}


@pytest.fixture
async def by_link(office: Office) -> str:
    """An invoice that somebody is to pay at the vendor's page."""
    invoice = await office.invoice()
    await office.charge(invoice, by_link=True)
    return invoice


async def test_a_paid_invoice_is_told_of(office: Office, by_link: str) -> None:
    answer = await office.deliver(**signed(**PAID))

    assert (answer.status_code, answer.json()) == (200, {"status": "applied"})
    state = await office.look(by_link)
    assert (state["status"], state["payment_provider"], state["payment_provider_id"]) == (
        "paid",
        "till",
        "pay_1",
    )
    (entry,) = await office.server.rows(AuditEntry, action="invoice.paid")
    assert (entry["actor"], entry["client_id"]) == ("system", office.server.client.id)


@pytest.mark.parametrize(
    "order",
    [
        (PAID, CREATED, PROCESSING, PART, REFUNDED),
        (REFUNDED, PART, PAID, PROCESSING, CREATED),
        (PART, REFUNDED, DECLINED, PROCESSING, PAID),
    ],
    ids=["paid before created", "refunded before paid", "processing after refunded"],
)
async def test_the_order_of_deliveries_changes_nothing(
    office: Office, by_link: str, order: tuple[dict[str, Any], ...]
) -> None:
    for news in (*order, *order):
        assert (await office.deliver(**signed(**news))).status_code == 200

    state = await office.look(by_link)
    assert (state["status"], state["amount_paid"], state["amount_refunded"]) == ("refunded", "49.00", "49.00")
    assert len(await office.server.rows(PaymentNews)) == 5


def test_a_payment_comes_to_the_same_in_every_order() -> None:
    for count in (3, 4, 5, 6):
        for chosen in itertools.combinations((CREATED, PROCESSING, DECLINED, PAID, PART, REFUNDED), count):
            ends = {end_of(order) for order in itertools.permutations(chosen)}
            assert len(ends) == 1, f"{[each['id'] for each in chosen]} ends as {ends}"


def end_of(order: Sequence[dict[str, Any]]) -> tuple[str, int]:
    payment = FRESH
    for told_of in order:
        event = PaymentEvent(
            told_of["id"],
            told_of["payment"],
            told_of["status"],
            refunded=Decimal(told_of["refunded"]) if "refunded" in told_of else None,
            at=datetime.fromtimestamp(told_of["at"], UTC),
        )
        payment = told(payment, News.of_event(event, at=NOW), now=NOW)
    return payment.status, payment.refunded_micros


async def test_of_what_is_under_way_the_later_counts(office: Office, by_link: str) -> None:
    for news in (PROCESSING, CREATED):
        await office.deliver(**signed(**news))

    assert [each["status"] for each in (await office.look(by_link))["payments"]] == ["pending"]


async def test_fifty_deliveries_at_once_have_one_effect(office: Office, by_link: str) -> None:
    answers = await asyncio.gather(*(office.deliver(**signed(**PAID)) for _ in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    said = [answer.json()["status"] for answer in answers]
    assert (said.count("applied"), said.count("repeated")) == (1, 49)
    assert len(await office.server.rows(PaymentNews)) == 1
    assert len(await office.server.rows(AuditEntry, action="invoice.paid")) == 1


async def test_what_is_not_signed_is_refused_and_not_stored(office: Office, by_link: str) -> None:
    genuine = signed(**PAID)
    headers = genuine["headers"]
    forgeries: list[dict[str, Any]] = [
        {"content": genuine["content"]},
        {"content": genuine["content"], "headers": {**headers, "x-signature": "0" * 64}},
        {"content": genuine["content"] + b" ", "headers": headers},
        {"content": b"\xff", "headers": headers},
        {"content": b"", "headers": headers},
    ]

    answers = [await office.deliver(**forged) for forged in forgeries]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "webhook_forged")}
    assert (await office.look(by_link))["status"] == "pending"
    assert await office.server.rows(PaymentNews) == []


async def test_the_gateway_may_stand_in_the_query(office: Office, by_link: str) -> None:
    path = "/admin/billing/webhook"
    answer = await office.server.http.post(path, params={"gateway": "till"}, **signed(**PAID))

    assert answer.json() == {"status": "applied"}
    unnamed = await office.server.http.post(path, **signed(**PAID))
    unknown = await office.server.http.post(path, params={"gateway": "x"}, **signed(**PAID))
    assert {(answer.status_code, answer.json()["code"]) for answer in (unnamed, unknown)} == {
        (401, "webhook_forged")
    }


async def test_a_payment_of_somebody_else_is_acknowledged(office: Office, by_link: str) -> None:
    stranger = {**PAID, "payment": "pay_99"}
    for news in (stranger, {**stranger, "reference": new_id()}, {**stranger, "reference": "ORDER 7"}):
        answer = await office.deliver(**signed(**news))
        assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert await office.server.rows(PaymentNews) == []
    assert (await office.look(by_link))["status"] == "pending"


async def test_other_news_is_acknowledged(office: Office) -> None:
    answer = await office.deliver(**signed(kind="other"))

    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})


@pytest.fixture
async def unnamed(office: Office) -> str:
    """A payment that the vendor has, under an id that never arrived."""
    office.vendor.lose, office.vendor.goes_dark = ["create"], True
    invoice = await office.invoice()
    assert (await office.act(invoice, "charge")).json()["code"] == "outcome_unknown"
    (row,) = await office.server.rows(Payment)
    assert (row["vendor_id"], row["status"]) == (None, "unknown")
    return str(row["id"])


async def test_paid_before_the_announcement_was_answered(office: Office, unnamed: str) -> None:
    answer = await office.deliver(**signed(**PAID, reference=unnamed))

    assert answer.json() == {"status": "applied"}
    (row,) = await office.server.rows(Payment)
    assert (row["status"], row["vendor_id"]) == ("paid", "pay_1")


async def test_what_may_be_a_payment_that_is_being_made_is_asked_for_again(
    office: Office, unnamed: str
) -> None:
    answer = await office.deliver(**signed(**PAID))

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_not_known_yet")
    assert answer.headers["retry-after"]
    assert await office.server.rows(PaymentNews) == []
    office.vendor.is_dark = False
    await office.refresh((await office.server.rows(Payment))[0]["invoice_id"])
    assert (await office.deliver(**signed(**PAID))).json() == {"status": "applied"}


async def test_other_money_than_was_asked_for_settles_nothing(office: Office, by_link: str) -> None:
    for number, news in enumerate(({"amount": "48.99"}, {"currency": "eur"}, {"amount": "0.0000001"})):
        answer = await office.deliver(**signed(**{**PAID, **news, "id": f"evt_{number}"}))
        assert answer.status_code == 200
    state = await office.look(by_link)
    assert (state["status"], state["payments"][0]["status"]) == ("pending", "requires_action")
    assert "another amount" in state["payments"][0]["reason"]


async def test_news_that_make_no_sense_are_refused(office: Office, by_link: str) -> None:
    for news in (
        {"status": "whatever"},
        {"id": ""},
        {"id": "e" * 256},
        {"payment": "\x00"},
        {"amount": "NaN"},
    ):
        answer = await office.deliver(**signed(**{**PAID, **news}))
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook_unreadable"), news
    assert await office.server.rows(PaymentNews) == []


async def test_a_delivery_that_is_too_large_is_not_read(office: Office) -> None:
    answer = await office.deliver(content=b"x" * 300_000)

    assert answer.status_code == 413
