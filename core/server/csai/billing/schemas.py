"""What the admin's routes for billing take and give. Amounts are in the major unit of a currency."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

InvoiceStatus = Literal["pending", "paid", "overdue", "disputed", "refunded", "void"]
Amount = Annotated[Decimal, Field(examples=["49.00"])]


class InvoiceSummary(BaseModel):
    id: str
    client_id: str
    billing_period: str = Field(examples=["2026-10"])
    plan_type: str
    currency: str
    base_cost: Amount
    usage_cost: Amount
    total_cost: Amount = Field(description="Base and usage together, to the millionth.")
    amount_due: Amount = Field(description="The total as it can be paid: to the cent; 0 when void.")
    status: InvoiceStatus
    payment_provider: str | None
    payment_provider_id: str | None
    payment_method: str | None
    created_at: datetime
    due_at: datetime
    paid_at: datetime | None


class PaymentState(BaseModel):
    """An attempt to have the invoice paid."""

    id: str
    attempt: int
    gateway: str
    gateway_payment_id: str | None
    status: str = Field(description="begun, unknown, pending, requires_action, failed or paid.")
    amount: Amount
    refunded: Amount
    method: str
    redirect_url: str = Field(description="Where the payer has to act; empty where nobody has to.")
    reason: str = Field(description="Why it failed, or what is wrong with it.")
    dispute: str = Field(description="Of a chargeback: open, won or lost; empty where there is none.")
    created_at: datetime
    updated_at: datetime


class RefundState(BaseModel):
    payment_id: str
    number: int
    amount: Amount
    status: str = Field(description="begun, unknown, done or failed.")
    reason: str
    created_at: datetime


class InvoiceState(InvoiceSummary):
    """An invoice with all that was tried to have it paid."""

    ledger_cost_usd: Amount = Field(description="The period's cost in the ledger, which usage is made from.")
    usage_rate: Amount = Field(description="What a US dollar of it is charged at.")
    amount_paid: Amount
    amount_refunded: Amount
    amount_overpaid: Amount
    payments: list[PaymentState]
    refunds: list[RefundState]


class InvoicePage(BaseModel):
    invoices: list[InvoiceSummary]
    next: str | None


class NewInvoice(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"billing_period": "2026-10"}]})

    billing_period: str = Field(max_length=7, description="A month that is over: YYYY-MM.")


class Charge(BaseModel):
    """How the invoice is to be paid. Empty: by the client's own gateway and what it saved there."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"gateway": "stripe"}]})

    gateway: str = Field("", max_length=50)
    by_link: bool = Field(False, description="Have somebody pay at a page of the vendor.")
    gives_up_open: bool = Field(
        False,
        description="Begin anew, also where an earlier attempt cannot be called off: both may be paid.",
    )


class MarkPaid(BaseModel):
    """A payment that no gateway tells of."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"method": "bank_transfer", "reference": "RF18 5390 0754"}]},
    )

    method: str = Field("bank_transfer", min_length=1, max_length=50)
    reference: str = Field("", max_length=255)
    paid_at: datetime | None = Field(None, description="With its zone; without it now.")
    gives_up_open: bool = False


class Void(BaseModel):
    """An invoice that is not owed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "wrong price"}]})

    reason: str = Field("", max_length=300, description="For the audit log.")
    gives_up_open: bool = Field(False, description="Though an attempt may yet be paid after all.")


class RefundAsked(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": "12.50"}]})

    amount: Decimal | None = Field(None, description="null: all that is left.")


class WebhookTaken(BaseModel):
    status: Literal["applied", "repeated", "ignored"]


class PlanPriceState(BaseModel):
    plan: str
    base: Amount = Field(description="A period's price.")
    currency: str
    usage_rate: Amount = Field(
        description="What a US dollar of models' cost is charged at; 0: it is included."
    )


class PlanItem(PlanPriceState):
    """A plan of the installation."""

    title: str
    clients: int = Field(description="How many are on it.")
    limits: dict[str, int] = Field(
        description="The most that a client may use in a month, by metric; `cost` in millionths of a US "
        "dollar. What is not named has no limit.",
        examples=[{"messages": 10_000}],
    )


class PlanList(BaseModel):
    plans: list[PlanItem] = Field(description="By name.")


class PlanPriceChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"base": "49", "currency": "EUR", "usage_rate": "1.10"}]},
    )

    base: Decimal = Decimal(0)
    currency: str = Field("USD", max_length=3)
    usage_rate: Decimal | None = Field(None, description="Needed where the currency is not USD.")


class PayerState(BaseModel):
    """How a client pays: the vendor's own ids, as its dashboard shows them."""

    gateway: str
    customer: str
    method: str = Field(description="Empty: the customer's default.")
    gateways: list[str] = Field(description="Those that are installed.")


class PayerChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"gateway": "stripe", "customer": "cus_4QWKsZuuTHcs7X"}]},
    )

    gateway: str = ""
    customer: str = ""
    method: str = ""
