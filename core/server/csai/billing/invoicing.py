"""Making a client's invoice of a period: the plan's base price, and the ledger's cost at the plan's rate."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import Actor, record
from csai.billing.money import payable, to_amount
from csai.billing.price import PlanPrice
from csai.billing.repository import BillingRepository, InvoiceRow
from csai.clients.repository import ClientRepository
from csai.kit.identifier import new_id
from csai.kit.problem import Problem

_PERIOD = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


async def make_invoice(
    transaction: AsyncConnection,
    client_id: str,
    period: str,
    *,
    due_days: int,
    clock: Clock,
    actor: Actor,
) -> InvoiceRow:
    """The client's invoice of a period (YYYY-MM) that is over; there is one of each. Raises `Problem`."""
    clients, billing = ClientRepository(transaction, client_id), BillingRepository(transaction, client_id)
    await clients.lock()
    client, now = await clients.get(), clock.now()
    end = _end_of(period, client.timezone)
    if end > now or await billing.has_open_turns(period):
        raise Problem(
            409,
            "period_open",
            f"{period} is not over for this client, or something of it is still being answered.",
        )
    if await billing.find_period(period) is not None:
        raise Problem(409, "invoice_exists", f"The client has an invoice of {period} already.")
    price = PlanPrice.of(client.features)
    ledger = await billing.ledger_micros(period)
    usage = price.usage_micros(ledger)
    total = price.base_micros + usage
    try:
        is_due = payable(total, price.currency) > 0
    except ValueError:
        raise Problem(
            409, "amount_too_large", f"The invoice would come to more than can be paid in {price.currency}."
        ) from None
    invoice = InvoiceRow(
        id=new_id(),
        client_id=client_id,
        billing_period=period,
        plan_type=client.plan,
        currency=price.currency,
        base_cost_micros=price.base_micros,
        ledger_cost_micros=ledger,
        usage_rate_micros=price.usage_rate_micros,
        usage_cost_micros=usage,
        total_cost_micros=total,
        status="pending" if is_due else "paid",
        payment_provider=None,
        payment_provider_id=None,
        payment_method=None,
        revision=1,
        created_at=now,
        due_at=now + timedelta(days=due_days),
        paid_at=None if is_due else now,
    )
    await billing.add(invoice)
    await record(
        transaction,
        actor,
        "invoice.created",
        object=f"invoice:{invoice.id}",
        client_id=client_id,
        after={
            "billing_period": period,
            "plan_type": client.plan,
            "total_cost": str(to_amount(total)),
            "currency": price.currency,
            "status": invoice.status,
        },
        at=now,
    )
    return invoice


def _end_of(period: str, timezone: str) -> datetime:
    found = _PERIOD.fullmatch(period)
    if not found or not 2000 <= int(found[1]) < 9000:
        raise Problem(422, "period_invalid", "Give a month as a year and a month, such as 2026-10.")
    year, month = int(found[1]), int(found[2])
    following = (year + month // 12, month % 12 + 1)
    return datetime(*following, 1, tzinfo=ZoneInfo(timezone))
