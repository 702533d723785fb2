"""Invoices and what is billed: one client's, and for the operator, whom no client scopes, all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Update, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.problem import not_found
from csai.models import Client, Invoice, LedgerEntry, Payment, PaymentNews, Refund, Turn

OPEN = frozenset({"begun", "unknown", "pending", "requires_action"})
"""The states in which an attempt may yet be paid."""
OPEN_REFUND = frozenset({"begun", "unknown"})


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    id: str
    client_id: str
    billing_period: str
    plan_type: str
    currency: str
    base_cost_micros: int
    ledger_cost_micros: int
    usage_rate_micros: int
    usage_cost_micros: int
    total_cost_micros: int
    status: str
    payment_provider: str | None
    payment_provider_id: str | None
    payment_method: str | None
    revision: int
    created_at: datetime
    due_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    id: str
    client_id: str
    invoice_id: str
    attempt: int
    gateway: str
    idempotency_key: str
    customer: str
    customer_method: str
    vendor_id: str | None
    status: str
    amount_micros: int
    refunded_micros: int
    currency: str
    method: str
    redirect_url: str
    reason: str
    dispute: str
    claimed_until: datetime | None
    collected_at: datetime | None
    told_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RefundRow:
    id: str
    client_id: str
    payment_id: str
    number: int
    idempotency_key: str
    amount_micros: int
    refunded_before_micros: int
    status: str
    reason: str
    claimed_until: datetime | None
    created_at: datetime
    updated_at: datetime


_INVOICE = select(*(getattr(Invoice, name) for name in InvoiceRow.__dataclass_fields__))
_PAYMENT = select(*(getattr(Payment, name) for name in PaymentRow.__dataclass_fields__))
_REFUND = select(*(getattr(Refund, name) for name in RefundRow.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices are meant. An overdue one is stored as pending; `status` tells the two apart."""

    client_id: str | None = None
    period: str | None = None
    status: str | None = None


async def owner_of_invoice(connection: AsyncConnection, invoice_id: str) -> str:
    """For the operator, whom no client scopes: whose invoice it is. Raises 404."""
    owner = (await connection.execute(select(Invoice.client_id).where(Invoice.id == invoice_id))).scalar()
    if owner is None:
        raise not_found("invoice")
    return owner


async def invoices_page(
    connection: AsyncConnection, wanted: InvoiceFilter, *, before: str | None, count: int, now: datetime
) -> list[InvoiceRow]:
    """For the operator, whom no client scopes: the newest first, from after `before` on."""
    statement = _INVOICE.order_by(Invoice.id.desc()).limit(count)
    if before is not None:
        statement = statement.where(Invoice.id < before)
    if wanted.client_id is not None:
        statement = statement.where(Invoice.client_id == wanted.client_id)
    if wanted.period is not None:
        statement = statement.where(Invoice.billing_period == wanted.period)
    if wanted.status is not None:
        stored = "pending" if wanted.status == "overdue" else wanted.status
        statement = statement.where(Invoice.status == stored)
        if stored == "pending":
            is_overdue = Invoice.due_at < now
            statement = statement.where(is_overdue if wanted.status == "overdue" else ~is_overdue)
    return [InvoiceRow(*row) for row in await connection.execute(statement)]


async def find_payment_told_of(
    connection: AsyncConnection, gateway: str, *, vendor_id: str, reference: str | None
) -> PaymentRow | None:
    """For a gateway's webhook, which names no client: the payment that the vendor means."""
    found = await connection.execute(
        _PAYMENT.where(Payment.gateway == gateway, Payment.vendor_id == vendor_id)
    )
    row = found.first()
    if row is None and reference is not None:
        found = await connection.execute(_PAYMENT.where(Payment.gateway == gateway, Payment.id == reference))
        row = found.first()
    return PaymentRow(*row) if row else None


async def has_unnamed_payments(connection: AsyncConnection, gateway: str) -> bool:
    """Whether the vendor may know a payment by an id that is not stored yet."""
    statement = select(Payment.id).where(
        Payment.gateway == gateway,
        Payment.vendor_id.is_(None),
        Payment.status.in_(("begun", "unknown")),
    )
    return (await connection.execute(statement.limit(1))).first() is not None


class BillingRepository:
    """One client's invoices, with their payments and refunds, and what they are made of."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def payer(self) -> Mapping[str, Any]:
        """What is kept of how the client pays."""
        row = (
            await self._connection.execute(select(Client.billing).where(Client.id == self._client_id))
        ).first()
        if row is None:
            raise not_found("client")
        billing: Mapping[str, Any] = row[0]
        return billing

    async def set_payer(self, billing: Mapping[str, Any]) -> None:
        await self._connection.execute(
            update(Client).where(Client.id == self._client_id).values(billing=dict(billing))
        )

    async def ledger_micros(self, period: str) -> int:
        """The cost of the period's model calls in millionths of a dollar."""
        total = select(func.coalesce(func.sum(LedgerEntry.cost_micros), 0)).where(
            LedgerEntry.client_id == self._client_id, LedgerEntry.period == period
        )
        # PostgreSQL's sum of bigints is numeric.
        return int((await self._connection.execute(total)).scalar_one())

    async def has_open_turns(self, period: str) -> bool:
        """Whether something is still to be booked to the period."""
        statement = select(Turn.id).where(
            Turn.client_id == self._client_id, Turn.period == period, Turn.status == "running"
        )
        return (await self._connection.execute(statement.limit(1))).first() is not None

    async def find_period(self, period: str) -> InvoiceRow | None:
        """Its invoice, unless that is void."""
        statement = _INVOICE.where(
            Invoice.client_id == self._client_id,
            Invoice.billing_period == period,
            Invoice.status != "void",
        )
        row = (await self._connection.execute(statement)).first()
        return InvoiceRow(*row) if row else None

    async def invoice(self, invoice_id: str, *, is_locking: bool = False) -> InvoiceRow:
        """Raises 404. Locked, no other transaction changes it or its payments until this one has ended."""
        statement = _INVOICE.where(Invoice.client_id == self._client_id, Invoice.id == invoice_id)
        row = (
            await self._connection.execute(statement.with_for_update() if is_locking else statement)
        ).first()
        if row is None:
            raise not_found("invoice")
        return InvoiceRow(*row)

    async def payments(self, invoice_id: str) -> list[PaymentRow]:
        """In the order of the attempts."""
        statement = _PAYMENT.where(
            Payment.client_id == self._client_id, Payment.invoice_id == invoice_id
        ).order_by(Payment.attempt)
        return [PaymentRow(*row) for row in await self._connection.execute(statement)]

    async def unsettled(self) -> tuple[list[PaymentRow], list[RefundRow]]:
        """The attempts that may yet be paid, and the refunds that may have been made."""
        payments = _PAYMENT.where(Payment.client_id == self._client_id, Payment.status.in_(OPEN))
        refunds = _REFUND.where(Refund.client_id == self._client_id, Refund.status.in_(OPEN_REFUND))
        return (
            [PaymentRow(*row) for row in await self._connection.execute(payments.order_by(Payment.id))],
            [RefundRow(*row) for row in await self._connection.execute(refunds.order_by(Refund.id))],
        )

    async def payment(self, payment_id: str) -> PaymentRow:
        statement = _PAYMENT.where(Payment.client_id == self._client_id, Payment.id == payment_id)
        return PaymentRow(*(await self._connection.execute(statement)).one())

    async def refunds(self, payment_ids: Sequence[str]) -> list[RefundRow]:
        statement = _REFUND.where(
            Refund.client_id == self._client_id, Refund.payment_id.in_(payment_ids)
        ).order_by(Refund.id)
        return [RefundRow(*row) for row in await self._connection.execute(statement)]

    async def add(self, *rows: InvoiceRow | PaymentRow | RefundRow) -> None:
        for row in rows:
            await self._connection.execute(insert(_MODELS[type(row)]).values(**self._own(row)))

    async def put(self, row: InvoiceRow | PaymentRow | RefundRow) -> None:
        """Store what is changed of it; who works on it is not touched."""
        values = self._own(row)
        values.pop("claimed_until", None)
        await self._connection.execute(self._update(row).values(**values))

    async def claim(self, row: PaymentRow | RefundRow, claim_id: str, *, until: datetime) -> None:
        await self._connection.execute(self._update(row).values(claimed_by=claim_id, claimed_until=until))

    async def put_off_claim(self, row: PaymentRow | RefundRow, claim_id: str, *, until: datetime) -> None:
        model = _MODELS[type(row)]
        own = self._update(row).where(model.claimed_by == claim_id)
        await self._connection.execute(own.values(claimed_until=until))

    async def let_go(self, row: PaymentRow | RefundRow, claim_id: str) -> None:
        model = _MODELS[type(row)]
        own = self._update(row).where(model.claimed_by == claim_id)
        await self._connection.execute(own.values(claimed_by=None, claimed_until=None))

    async def has_news(self, gateway: str, event_id: str) -> bool:
        """Whether a webhook was taken in already."""
        statement = select(PaymentNews.event_id).where(
            PaymentNews.client_id == self._client_id,
            PaymentNews.gateway == gateway,
            PaymentNews.event_id == event_id,
        )
        return (await self._connection.execute(statement)).first() is not None

    async def add_news(self, **values: Any) -> None:
        await self._connection.execute(insert(PaymentNews).values(client_id=self._client_id, **values))

    def _update(self, row: InvoiceRow | PaymentRow | RefundRow) -> Update:
        model = _MODELS[type(row)]
        return update(model).where(model.client_id == self._client_id, model.id == row.id)

    def _own(self, row: InvoiceRow | PaymentRow | RefundRow) -> dict[str, Any]:
        if row.client_id != self._client_id:
            raise LookupError("a row of another client")
        return asdict(row)


_MODELS: Mapping[type, Any] = {InvoiceRow: Invoice, PaymentRow: Payment, RefundRow: Refund}
