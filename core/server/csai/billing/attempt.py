"""Attempts to have an invoice paid: made, and given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.book import Page
from csai.billing.claim import check_unclaimed
from csai.billing.money import payable
from csai.billing.repository import PaymentRow
from csai.kit.identifier import new_id
from csai.kit.problem import Problem

GIVEN_UP = "given up by an admin"
UNKNOWN_TO_VENDOR = "the vendor does not know of it"
UNCOLLECTED = "announced, and not collected: charge it again"


def new_attempt(page: Page, gateway: str, *, now: datetime) -> PaymentRow:
    """The next attempt at all that the invoice is due. Its key is made of the invoice and the attempt."""
    invoice, attempt = page.invoice, len(page.payments) + 1
    return PaymentRow(
        id=new_id(),
        client_id=invoice.client_id,
        invoice_id=invoice.id,
        attempt=attempt,
        gateway=gateway,
        idempotency_key=f"csai-{invoice.id}-{attempt}",
        customer="",
        customer_method="",
        vendor_id=None,
        status="begun",
        amount_micros=payable(invoice.total_cost_micros, invoice.currency),
        refunded_micros=0,
        currency=invoice.currency,
        method="",
        redirect_url="",
        reason="",
        dispute="",
        claimed_until=None,
        collected_at=None,
        told_at=None,
        created_at=now,
        updated_at=now,
    )


async def give_up_open(
    transaction: AsyncConnection,
    page: Page,
    gives_up: bool,
    *,
    now: datetime,
    actor: Actor,
) -> PaymentRow | None:
    """The attempt that may yet be paid, unless it is to be given up. Raises 409 while it is worked on."""
    opened = page.opened
    if opened is None:
        return None
    check_unclaimed(opened, now)
    if not gives_up:
        return opened
    closed = replace(opened, status="failed", reason=GIVEN_UP, updated_at=now)
    await page.billing.put(closed)
    page.payments[page.payments.index(opened)] = closed
    await record(
        transaction,
        actor,
        "payment.given_up",
        object=f"invoice:{page.invoice.id}",
        client_id=page.invoice.client_id,
        before={"attempt": opened.attempt, "gateway": opened.gateway, "status": opened.status},
        after={"attempt": opened.attempt, "gateway": opened.gateway, "status": "failed"},
        at=now,
    )
    return None


def open_attempt(payment: PaymentRow) -> Problem:
    """The refusal to begin something else while an attempt may yet be paid."""
    return Problem(
        409,
        "payment_open",
        f"An attempt through {payment.gateway} is {payment.status} and may yet be paid. Look at its status, "
        "or give it up: csai billing ... --give-up-open, gives_up_open in the request.",
    )
