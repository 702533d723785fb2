"""`csai billing`: invoices, and the payments that settle them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from csai.cli.argument import decimal_of
from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.billing.schemas import InvoiceState
    from csai.billing.service import Billing
    from csai.cli.installation import Installation
    from csai.database import Database

billing = typer.Typer(
    name="billing", help="Invoices, and how they are paid (docs/operators/billing.md).", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
InvoiceId = Annotated[str, typer.Argument(metavar="INVOICE", help="Its id, as csai billing list shows it.")]
GivesUpOpen = Annotated[
    bool,
    typer.Option(
        "--give-up-open", help="Also where an earlier attempt cannot be called off, and may be paid as well."
    ),
]


@billing.command()
def invoice(
    client: NameOrId,
    period: Annotated[str, typer.Argument(metavar="YYYY-MM", help="A month that is over.")],
    as_json: AsJson = False,
) -> None:
    """Make a client's invoice of a month: the plan's price, and the usage."""
    from csai.admins.audit import CLI
    from csai.billing.invoicing import make_invoice
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client

    async def work(installation: Installation) -> InvoiceState:
        found = await find_client(installation.transaction, client)
        made = await make_invoice(
            installation.transaction,
            found.id,
            period,
            due_days=installation.settings.invoice_due_days,
            clock=installation.clock,
            actor=CLI,
        )
        return await _state(installation, made.id)

    _print(in_transaction(work), as_json=as_json)


@billing.command()
def charge(
    invoice_id: InvoiceId,
    gateway: Annotated[str, typer.Option(help="Through which gateway.  [default: the client's]")] = "",
    by_link: Annotated[bool, typer.Option("--link", help="Have somebody pay at the vendor's page.")] = False,
    gives_up_open: GivesUpOpen = False,
    as_json: AsJson = False,
) -> None:
    """Have an invoice paid, or go on with the attempt that is open. Safe to repeat: it is paid once."""
    from csai.admins.audit import CLI
    from csai.billing.charging import Wish
    from csai.cli.installation import with_billing
    from csai.kit.identifier import check_id

    async def work(billing: Billing, database: Database) -> InvoiceState:
        check_id(invoice_id, "invoice")
        await billing.charges.charge(invoice_id, Wish(gateway, by_link, gives_up_open), actor=CLI)
        return await _read(database, invoice_id)

    _print(with_billing(work), as_json=as_json)


@billing.command()
def refund(
    invoice_id: InvoiceId,
    amount: Annotated[str, typer.Option(help="How much of it.  [default: all that is left]")] = "",
    as_json: AsJson = False,
) -> None:
    """Give back what was paid, wholly or in part."""
    from csai.admins.audit import CLI
    from csai.cli.installation import with_billing
    from csai.kit.identifier import check_id

    wanted = decimal_of(amount, "--amount") if amount else None

    async def work(billing: Billing, database: Database) -> InvoiceState:
        check_id(invoice_id, "invoice")
        await billing.refunds.refund(invoice_id, wanted, actor=CLI)
        return await _read(database, invoice_id)

    _print(with_billing(work), as_json=as_json)


@billing.command("mark-paid")
def mark_paid(
    invoice_id: InvoiceId,
    method: Annotated[str, typer.Option(help="How it was paid.")] = "bank_transfer",
    reference: Annotated[str, typer.Option(help="What the payment is found by, as a transfer's text.")] = "",
    gives_up_open: GivesUpOpen = False,
    as_json: AsJson = False,
) -> None:
    """Book a payment that no gateway tells of."""
    from csai.admins.audit import CLI
    from csai.billing.by_hand import Received
    from csai.cli.installation import with_billing
    from csai.kit.identifier import check_id

    if not 0 < len(method) <= 50 or len(reference) > 255:
        raise typer.BadParameter("a method has up to 50 characters, a reference up to 255")

    async def work(billing: Billing, database: Database) -> InvoiceState:
        check_id(invoice_id, "invoice")
        received = Received(method, reference, gives_up_open=gives_up_open)
        await billing.by_hand.mark_paid(invoice_id, received, actor=CLI)
        return await _read(database, invoice_id)

    _print(with_billing(work), as_json=as_json)


@billing.command()
def void(
    invoice_id: InvoiceId,
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    gives_up_open: GivesUpOpen = False,
    as_json: AsJson = False,
) -> None:
    """Take back an invoice that is not paid; its month may then be invoiced anew."""
    from csai.admins.audit import CLI
    from csai.cli.installation import with_billing
    from csai.kit.identifier import check_id

    if len(reason) > 300:
        raise typer.BadParameter("a reason has up to 300 characters")

    async def work(billing: Billing, database: Database) -> InvoiceState:
        check_id(invoice_id, "invoice")
        await billing.by_hand.void(invoice_id, reason, gives_up_open=gives_up_open, actor=CLI)
        return await _read(database, invoice_id)

    _print(with_billing(work), as_json=as_json)


@billing.command()
def status(
    invoice_id: InvoiceId,
    is_refreshing: Annotated[bool, typer.Option("--refresh", help="Ask the vendor first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an invoice, and all that was tried to have it paid."""
    from csai.cli.installation import in_transaction, with_billing
    from csai.kit.identifier import check_id

    async def look(installation: Installation) -> InvoiceState:
        check_id(invoice_id, "invoice")
        return await _state(installation, invoice_id)

    async def ask(billing: Billing, database: Database) -> InvoiceState:
        check_id(invoice_id, "invoice")
        await billing.asking.refresh(invoice_id)
        return await _read(database, invoice_id)

    _print(with_billing(ask) if is_refreshing else in_transaction(look), as_json=as_json)


@billing.command("list")
def list_all(
    client: Annotated[str, typer.Option(help="Only of this client: its id or name.")] = "",
    period: Annotated[str, typer.Option(metavar="YYYY-MM", help="Only of this month.")] = "",
    invoice_status: Annotated[
        str, typer.Option("--status", help="Only pending, overdue, paid, disputed, refunded, void ones.")
    ] = "",
    count: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List invoices, the newest first."""
    from csai.billing.repository import InvoiceFilter, invoices_page
    from csai.billing.schemas import InvoiceStatus, InvoiceSummary
    from csai.billing.view import summary
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.repository import client_summaries
    from csai.clients.service import find_client

    if invoice_status not in ("", *get_args(InvoiceStatus)):
        raise typer.BadParameter(f"--status is {', '.join(get_args(InvoiceStatus))}")

    async def work(installation: Installation) -> tuple[list[InvoiceSummary], dict[str, str]]:
        owner = (await find_client(installation.transaction, client)).id if client else None
        now = installation.clock.now()
        rows = await invoices_page(
            installation.transaction,
            InvoiceFilter(owner, period or None, invoice_status or None),
            before=None,
            count=count,
            now=now,
        )
        names = {each.id: each.name for each in await client_summaries(installation.transaction)}
        return [summary(row, now) for row in rows], names

    found, names = in_transaction(work)
    if as_json:
        typer.echo(json.dumps({"invoices": [each.model_dump(mode="json") for each in found]}))
        return
    print_table(
        ("Invoice", "Client", "Month", "Due", "Status"),
        [
            (
                *(each.id, names[each.client_id], each.billing_period),
                *(f"{each.amount_due} {each.currency}", each.status),
            )
            for each in found
        ],
    )


async def _state(installation: Installation, invoice_id: str) -> InvoiceState:
    from csai.billing.view import invoice_state

    state, _tag = await invoice_state(installation.transaction, invoice_id, now=installation.clock.now())
    return state


async def _read(database: Database, invoice_id: str) -> InvoiceState:
    from csai.billing.view import invoice_state
    from csai.kit.clock import SystemClock

    async with database.read() as connection:
        state, _tag = await invoice_state(connection, invoice_id, now=SystemClock().now())
    return state


def _print(state: InvoiceState, *, as_json: bool) -> None:
    if as_json:
        typer.echo(state.model_dump_json())
        return
    typer.echo(f"Invoice {state.id} of {state.billing_period}: {state.status}")
    typer.echo(
        f"  {state.base_cost} for the plan {state.plan_type} and {state.usage_cost} for usage: "
        f"{state.amount_due} {state.currency}, due {state.due_at.date().isoformat()}"
    )
    for payment in state.payments:
        dispute = f"dispute {payment.dispute}" if payment.dispute else ""
        told = (payment.method, dispute, payment.reason, payment.redirect_url)
        about = ", ".join(filter(None, told))
        typer.echo(
            f"  {payment.attempt}. {payment.gateway}: {payment.status}, {payment.amount} {state.currency}"
            + (f", {payment.refunded} given back" if payment.refunded else "")
            + (f" ({about})" if about else "")
        )
    if state.amount_overpaid:
        typer.echo(f"  Paid {state.amount_overpaid} {state.currency} too much: give it back.")
