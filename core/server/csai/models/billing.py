from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from csai.models.base import Base, BigInt, Id, primary_id, within_client


class Invoice(Base):
    """What a client owes for a period (YYYY-MM), in millionths of `currency`'s major unit.

    `usage_cost_micros` is the ledger's cost of the period times `usage_rate_micros`, what a dollar of it is
    charged at. The `payment_` columns tell of the payment that settled it. `revision` grows with every change
    of it or its payments.
    """

    __tablename__ = "billing"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        Index(
            "uq_billing_client_id_billing_period",
            "client_id",
            "billing_period",
            unique=True,
            sqlite_where=text("status <> 'void'"),
            postgresql_where=text("status <> 'void'"),
        ),
        CheckConstraint("total_cost_micros = base_cost_micros + usage_cost_micros", name="total"),
        Index("ix_billing_status_due_at", "status", "due_at"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id, ForeignKey("clients.id", ondelete="CASCADE"))
    billing_period: Mapped[str] = mapped_column(String(7))
    plan_type: Mapped[str] = mapped_column(String(50))
    currency: Mapped[str] = mapped_column(String(3))
    base_cost_micros: Mapped[int] = mapped_column(BigInt)
    ledger_cost_micros: Mapped[int] = mapped_column(BigInt)
    """The cost of the period's ledger in US dollars, from which the usage's was made."""
    usage_rate_micros: Mapped[int] = mapped_column(BigInt)
    usage_cost_micros: Mapped[int] = mapped_column(BigInt)
    total_cost_micros: Mapped[int] = mapped_column(BigInt)
    status: Mapped[str] = mapped_column(String(10))
    """pending, paid, disputed, refunded or void; overdue is a pending one whose `due_at` is over, and is
    never stored. A void one is not owed, and leaves its period to another."""
    payment_provider: Mapped[str | None] = mapped_column(String(50))
    payment_provider_id: Mapped[str | None] = mapped_column(String(255))
    payment_method: Mapped[str | None] = mapped_column(String(50))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class Payment(Base):
    """An attempt to have an invoice paid, stored before its gateway hears of it.

    Its id is the reference that the vendor is given, and `idempotency_key` the same for every repeat of it.
    `status` is `begun` until an answer is known, and `unknown` where one was lost. Who works on it puts
    `claimed_until` off; once that is over, another may go on. `collected_at` is when the vendor has answered
    to being told to collect. What was given back is `refunded_micros`, whatever the status; `dispute` is how
    a chargeback of it stands.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("client_id", "id"),
        UniqueConstraint("invoice_id", "attempt"),
        UniqueConstraint("gateway", "vendor_id"),
        within_client("invoice_id", "billing"),
        CheckConstraint("refunded_micros >= 0", name="refunded"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    invoice_id: Mapped[str] = mapped_column(Id)
    attempt: Mapped[int]
    gateway: Mapped[str] = mapped_column(String(50))
    idempotency_key: Mapped[str] = mapped_column(String(100), unique=True)
    customer: Mapped[str] = mapped_column(String(255), default="")
    customer_method: Mapped[str] = mapped_column(String(255), default="")
    vendor_id: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(20))
    amount_micros: Mapped[int] = mapped_column(BigInt)
    refunded_micros: Mapped[int] = mapped_column(BigInt, default=0)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[str] = mapped_column(String(50), default="")
    redirect_url: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(String(300), default="")
    dispute: Mapped[str] = mapped_column(String(4), default="")
    claimed_by: Mapped[str | None] = mapped_column(Id)
    claimed_until: Mapped[datetime | None]
    collected_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """The vendor's time of the newest thing that is known of the status."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Refund(Base):
    """Money to be given back, stored before the gateway hears of it; at most one of a payment is open.

    `refunded_before_micros` is what had been given back when it began: it has happened where more by its
    amount has. Status: `begun`, `unknown`, `done`, `failed`; `found` is a done one of which whoever asked for
    it has not heard: asked for again, it is not another one.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("payment_id", "number"),
        within_client("payment_id", "payments"),
        CheckConstraint("amount_micros > 0", name="amount"),
    )

    id: Mapped[str] = primary_id()
    client_id: Mapped[str] = mapped_column(Id)
    payment_id: Mapped[str] = mapped_column(Id)
    number: Mapped[int]
    idempotency_key: Mapped[str] = mapped_column(String(100), unique=True)
    amount_micros: Mapped[int] = mapped_column(BigInt)
    refunded_before_micros: Mapped[int] = mapped_column(BigInt)
    status: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(300), default="")
    claimed_by: Mapped[str | None] = mapped_column(Id)
    claimed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PaymentNews(Base):
    """A gateway's webhook that was taken in, in the transaction that did what it asks for."""

    __tablename__ = "payment_news"
    __table_args__ = (
        within_client("payment_id", "payments"),
        Index("ix_payment_news_client_id_payment_id", "client_id", "payment_id"),
    )

    gateway: Mapped[str] = mapped_column(String(50), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(Id)
    payment_id: Mapped[str] = mapped_column(Id)
    status: Mapped[str] = mapped_column(String(20))
    told_at: Mapped[datetime]
    received_at: Mapped[datetime]
