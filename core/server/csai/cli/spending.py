"""`csai usage`: what models cost, by provider, day and client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.usage.repository import Span
    from csai.usage.schemas import ClientUsage, InstallationUsage, Spending, UsageHistory

usage = typer.Typer(name="usage", help="What models cost, as the ledger has it.", no_args_is_help=True)

Days = Annotated[int, typer.Option(min=1, max=366, help="How many days back, today included.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SPENT = ("Calls", "Tokens in", "Tokens out", "Cached", "Cost $", "Saved $")


@usage.command()
def providers(days: Days = 30, as_json: AsJson = False) -> None:
    """Show what providers and their models cost the installation, and which clients cost most."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.usage.service import installation_usage

    async def look(installation: Installation) -> InstallationUsage:
        return await installation_usage(installation.transaction, _span(installation, days))

    found = in_transaction(look)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    rows = [
        (f"{model.provider}/{model.model}", str(model.clients), *_columns(model))
        for provider in found.providers
        for model in provider.models
    ]
    print_table(("Model", "Clients", *SPENT), [*rows, ("In all", "", *_columns(found.total))])
    print_table(
        ("Client", "Name", "Calls", "Cost $"),
        [(each.client_id, each.name, str(each.calls), f"{each.cost:f}") for each in found.clients],
    )
    _tell_unpriced(found.total)


@usage.command()
def client(
    name_or_id: NameOrId,
    days: Days = 30,
    is_by_day: Annotated[bool, typer.Option("--by-day", help="A line for each day and model.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what providers and their models cost a client."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.service import find_client
    from csai.usage.service import client_history, client_usage

    async def look(installation: Installation) -> tuple[ClientUsage, UsageHistory]:
        found = await find_client(installation.transaction, name_or_id)
        span = _span(installation, days)
        return (
            await client_usage(installation.transaction, found.id, span),
            await client_history(installation.transaction, found.id, span),
        )

    found, history = in_transaction(look)
    if as_json:
        typer.echo((history if is_by_day else found).model_dump_json())
        return
    total = ("In all", *_columns(found.total))
    if is_by_day:
        rows = [
            (f"{day.date}", f"{model.provider}/{model.model}", *_columns(model))
            for day in history.days
            for model in day.models
        ]
        print_table(("Day", "Model", *SPENT), [*rows, (total[0], "", *total[1:])])
    else:
        models = [model for provider in found.providers for model in provider.models]
        rows_of_models = [(f"{model.provider}/{model.model}", *_columns(model)) for model in models]
        print_table(("Model", *SPENT), [*rows_of_models, total])
    _tell_unpriced(found.total)


def _span(installation: Installation, days: int) -> Span:
    from csai.usage.repository import Span

    return Span.until(installation.clock.now(), days=days)


def _columns(spent: Spending) -> tuple[str, ...]:
    return (
        *(str(spent.calls), str(spent.tokens_input), str(spent.tokens_output)),
        *(str(spent.tokens_cache_read), f"{spent.cost:f}", f"{spent.saved:f}"),
    )


def _tell_unpriced(total: Spending) -> None:
    if total.unpriced_calls:
        typer.echo(
            f"{total.unpriced_calls} calls have no price: of free models, or unknown (csai models list)."
        )
