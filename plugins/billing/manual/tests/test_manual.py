"""Payments that wait for an admin, and the whole way with a server."""

from __future__ import annotations

from decimal import Decimal

import csai_gateway_manual
import pytest
from csai.kit.clock import SystemClock
from csai.models import Payment as PaymentRow
from csai_gateway_manual import ManualGateway, ManualSettings
from csai_sdk import GatewayError
from csai_testkit.context import make_context

from tests.support.operator import Operator, sign_in
from tests.support.server import ServerFactory

CTX = make_context(ManualSettings(payment_method="cheque"), plugin="manual", client_id=None)
GATEWAY = ManualGateway()


async def announced(amount: str = "12.50", currency: str = "EUR", reference: str = "ref-1") -> str:
    payment = await GATEWAY.create_payment_intent(
        amount=Decimal(amount),
        currency=currency,
        reference=reference,
        idempotency_key="k",
        payer=None,
        ctx=CTX,
    )
    assert (payment.status, payment.amount, payment.currency) == ("pending", Decimal(amount), currency)
    return payment.id


@pytest.mark.parametrize("amount", ["0.01", "12.50", "9999999", "1E+3"])
async def test_a_payment_waits_with_its_exact_amount(amount: str) -> None:
    payment_id = await announced(amount)

    for asked in (
        await GATEWAY.payment_status(payment_id, CTX),
        await GATEWAY.process_payment(payment_id, idempotency_key="k", ctx=CTX),
    ):
        assert (asked.status, asked.amount, asked.method) == ("pending", Decimal(amount), "cheque")


async def test_announcing_again_is_the_same_payment() -> None:
    assert await announced() == await announced() != await announced(reference="ref-2")


async def test_refunds_are_said_and_not_more_than_was_paid() -> None:
    payment_id = await announced()

    whole = await GATEWAY.refund_payment(payment_id, amount=None, idempotency_key="k", ctx=CTX)
    part = await GATEWAY.refund_payment(payment_id, amount=Decimal(5), idempotency_key="k", ctx=CTX)

    assert (whole.status, whole.refunded) == ("refunded", Decimal("12.50"))
    assert (part.status, part.refunded) == ("paid", None)
    with pytest.raises(GatewayError):
        await GATEWAY.refund_payment(payment_id, amount=Decimal(13), idempotency_key="k", ctx=CTX)


@pytest.mark.parametrize("payment_id", ["", "pi_1", "12.50-EUR", "-1.00-EUR-x", "nan-EUR-x"])
async def test_what_is_no_payment_is_refused(payment_id: str) -> None:
    with pytest.raises(GatewayError):
        await GATEWAY.payment_status(payment_id, CTX)


async def test_an_invoice_waits_for_its_transfer_until_an_admin_books_it(
    make_server: ServerFactory,
) -> None:
    server = await make_server(plugins={"manual": csai_gateway_manual})
    operator = await sign_in(server)
    invoice = await invoice_of(operator)

    charged = await operator.ask("POST", f"{invoice}/charge", json={})
    again = await operator.ask("POST", f"{invoice}/charge", json={})
    booked = await operator.ask("POST", f"{invoice}/mark-paid", json={"reference": "RF18"})

    for answer in (charged, again):
        (payment,) = answer.json()["payments"]
        assert (answer.json()["status"], payment["status"], payment["method"]) == (
            "pending",
            "pending",
            "bank_transfer",
        )
    state = booked.json()
    assert (state["status"], state["payment_provider"], state["amount_paid"]) == ("paid", "manual", "49.00")
    assert len(await server.rows(PaymentRow)) == 1
    assert (await operator.ask("POST", f"{invoice}/refresh")).json()["status"] == "paid"
    forged = await server.http.post("/admin/billing/webhook/manual", json={"status": "paid"})
    assert (forged.status_code, forged.json()["code"]) == (401, "webhook_forged")
    refund = await operator.ask("POST", f"{invoice}/refund", json={}, headers={"If-Match": "*"})
    assert (refund.json()["status"], refund.json()["amount_refunded"]) == ("refunded", "49.00")


async def invoice_of(operator: Operator) -> str:
    """The path of an invoice of 49 dollars."""
    price = {"base": "49"}
    await operator.ask("PUT", "/admin/plans/default/price", json=price, headers={"If-Match": "*"})
    last_year = f"{SystemClock().now().year - 1}-01"
    answer = await operator.ask(
        "POST",
        f"/admin/clients/{operator.server.client.id}/invoices",
        json={"billing_period": last_year},
    )
    assert answer.status_code == 201, answer.text
    return f"/admin/billing/invoices/{answer.json()['id']}"
