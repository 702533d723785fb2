"""Invoices with commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

Csai = Callable[..., Result]


def shown(csai: Csai, *arguments: str) -> Any:
    ended = csai("billing", *arguments, "--json")
    assert ended.exit_code == 0, ended.output + ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def invoice(csai: Csai) -> str:
    """The id of an invoice of 49 dollars."""
    shown(csai, "price", "default", "--base", "49")
    return str(shown(csai, "invoice", "Shop", "2026-01")["id"])


def test_a_price_is_set_and_keeps_what_is_not_named(csai: Csai) -> None:
    assert shown(csai, "price", "default") == {
        "plan": "default",
        "base": "0.00",
        "currency": "USD",
        "usage_rate": "1.00",
    }
    assert shown(csai, "price", "default", "--base", "49", "--usage-rate", "1.5")["usage_rate"] == "1.50"
    assert shown(csai, "price", "default", "--base", "99") == {
        "plan": "default",
        "base": "99.00",
        "currency": "USD",
        "usage_rate": "1.50",
    }
    refused = csai("billing", "price", "default", "--currency", "EUR")
    assert (refused.exit_code, "what a dollar of them costs in EUR" in refused.stderr) == (2, True)
    assert "99.00 USD a month" in csai("billing", "price", "default").stdout


def test_an_invoice_is_made_charged_booked_and_given_back(csai: Csai, invoice: str) -> None:
    assert shown(csai, "payer", "Shop", "--gateway", "manual")["gateway"] == "manual"

    charged = shown(csai, "charge", invoice)
    assert [each["status"] for each in charged["payments"]] == ["pending"]
    assert shown(csai, "status", invoice, "--refresh")["status"] in ("pending", "overdue")
    booked = shown(csai, "mark-paid", invoice, "--reference", "RF18")
    assert (booked["status"], booked["payment_provider_id"]) == ("paid", "RF18")
    part = shown(csai, "refund", invoice, "--amount", "9.50")
    assert (part["status"], part["amount_refunded"]) == ("paid", "9.50")
    assert shown(csai, "refund", invoice)["status"] == "refunded"

    said = csai("billing", "status", invoice).stdout
    assert f"Invoice {invoice} of 2026-01: refunded" in said
    assert "1. manual: paid, 49.00 USD, 49.00 given back (bank_transfer)" in said


def test_an_invoice_is_taken_back_and_made_anew(csai: Csai, invoice: str) -> None:
    shown(csai, "payer", "Shop", "--gateway", "manual")
    shown(csai, "charge", invoice)

    voided = shown(csai, "void", invoice, "--reason", "wrong price")

    assert (voided["status"], [each["status"] for each in voided["payments"]]) == ("void", ["failed"])
    again = shown(csai, "invoice", "Shop", "2026-01")
    assert [each["id"] for each in shown(csai, "list", "--status", "void")["invoices"]] == [invoice]
    assert shown(csai, "mark-paid", again["id"])["status"] == "paid"


def test_invoices_are_listed_by_what_they_are(csai: Csai, invoice: str) -> None:
    shown(csai, "invoice", "Shop", "2026-02")
    shown(csai, "mark-paid", invoice)

    def months(*options: str) -> list[str]:
        return [each["billing_period"] for each in shown(csai, "list", *options)["invoices"]]

    assert months() == ["2026-02", "2026-01"]
    assert months("--status", "paid") == months("--period", "2026-01") == ["2026-01"]
    assert months("--client", "Shop", "--count", "1") == ["2026-02"]
    assert invoice in csai("billing", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("invoice", "Shop", "2026-01"), "has an invoice of 2026-01 already"),
        (("invoice", "Shop", "2999-01"), "is not over"),
        (("invoice", "Nobody", "2026-01"), "no client 'Nobody'"),
        (("charge", "nonsense"), "no such invoice"),
        (("refund", "INVOICE"), "Nothing of this invoice was paid"),
        (("refund", "INVOICE", "--amount", "much"), "is a number"),
        (("charge", "INVOICE", "--gateway", "nobody"), "no gateway 'nobody'"),
        (("list", "--status", "lost"), "--status is pending"),
        (("payer", "Shop", "--customer", "cus_1"), "Give a gateway"),
        (("payer", "Shop", "--gateway", "manual", "--reset"), "--reset takes all back"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    csai: Csai, invoice: str, arguments: tuple[str, ...], said: str
) -> None:
    ended = csai("billing", *(invoice if each == "INVOICE" else each for each in arguments))

    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
