"""`csai billing price` and `csai billing payer`: what invoices are made from, and how clients pay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.argument import decimal_of
from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.billing.price import PlanPrice
    from csai.cli.installation import Installation

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def plan_price(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Its name, such as default.")],
    base: Annotated[str, typer.Option(help="What a month costs.")] = "",
    currency: Annotated[str, typer.Option(help="By its three letters.  [default: USD]")] = "",
    usage_rate: Annotated[str, typer.Option(help="What a US dollar of models' cost is charged at.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what a plan costs, and set it for invoices made from now on."""
    from csai.admins.audit import CLI
    from csai.billing.money import to_amount
    from csai.billing.price import checked_price, set_plan_price
    from csai.billing.price import plan_price as read
    from csai.cli.installation import in_transaction

    rate = decimal_of(usage_rate, "--usage-rate") if usage_rate else None

    async def work(installation: Installation) -> PlanPrice:
        transaction = installation.transaction
        before, _tag = await read(transaction, plan)
        if base or currency or usage_rate:
            is_same = not currency or currency.upper() == before.currency
            wanted = checked_price(
                base=decimal_of(base, "--base") if base else to_amount(before.base_micros),
                currency=currency or before.currency,
                usage_rate=to_amount(before.usage_rate_micros) if rate is None and is_same else rate,
            )
            await set_plan_price(transaction, plan, wanted, clock=installation.clock, actor=CLI)
        return (await read(transaction, plan))[0]

    found = in_transaction(work)
    told = {
        "plan": plan,
        "base": str(to_amount(found.base_micros)),
        "currency": found.currency,
        "usage_rate": str(to_amount(found.usage_rate_micros)),
    }
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(
        f"{plan}: {told['base']} {found.currency} a month, and {told['usage_rate']} {found.currency} for "
        "each US dollar of models' cost."
    )


def client_payer(
    client: NameOrId,
    gateway: Annotated[str, typer.Option(help="Through which gateway the client pays.")] = "",
    customer: Annotated[str, typer.Option(help="The vendor's id of the customer, such as cus_...")] = "",
    method: Annotated[str, typer.Option(help="Its id of a saved way of paying, such as pm_...")] = "",
    is_reset: Annotated[bool, typer.Option("--reset", help="Forget how the client pays.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how a client pays, and say so."""
    from csai.admins.audit import CLI
    from csai.billing.payer import client_payer as read
    from csai.billing.payer import set_payer
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client

    wanted = {"gateway": gateway, "customer": customer, "method": method}
    if is_reset and any(wanted.values()):
        raise typer.BadParameter("--reset takes all back: give nothing beside it")

    async def work(installation: Installation) -> dict[str, str]:
        found = await find_client(installation.transaction, client)
        if is_reset or any(wanted.values()):
            await set_payer(
                installation.transaction,
                found.id,
                wanted,
                gateways=installation.registry.gateways,
                clock=installation.clock,
                actor=CLI,
            )
        return (await read(installation.transaction, found.id))[0]

    state = in_transaction(work)
    if as_json:
        typer.echo(json.dumps(state))
        return
    known = ", ".join(f"{name} {value}" for name, value in state.items() if value)
    typer.echo(known or "Nothing is known of how the client pays.")
