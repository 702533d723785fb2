"""`csai models`: what could answer, and what it costs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.providers.schemas import CatalogModel, Price, PriceState

models = typer.Typer(name="models", help="Models and their prices.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Rate = Annotated[str | None, typer.Option(metavar="USD", help="US dollars for a million tokens.")]


@models.command("list")
def list_all(
    provider: Annotated[str, typer.Option(help="Only of this provider.")] = "",
    search: Annotated[str, typer.Option(help="Only with this in their names.")] = "",
    is_unpriced: Annotated[bool, typer.Option("--unpriced", help="Only those of unknown price.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the models that could be chosen, with their prices for a million tokens in US dollars."""
    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.providers.catalog import list_models

    async def look(installation: Installation) -> list[CatalogModel]:
        return await list_models(
            installation.transaction,
            registry=installation.registry,
            defaults=installation.settings.price_overrides,
            provider=provider,
            search=search,
            is_unpriced=is_unpriced,
            at=installation.clock.now(),
        )

    found = in_transaction(look)
    if as_json:
        typer.echo(json.dumps({"models": [each.model_dump(mode="json") for each in found]}))
        return
    print_table(
        ("Model", "Context", "Tools", "Input $", "Output $", "Cached $", "From"),
        [
            (
                f"{each.provider}/{each.model}",
                str(each.context_window or "?"),
                "yes" if each.has_tools else "told",
                *_columns(each.price),
            )
            for each in found
        ],
    )


@models.command("price")
def price(
    model: Annotated[str, typer.Argument(metavar="PROVIDER/MODEL")],
    input_usd: Annotated[str | None, typer.Option("--input", metavar="USD", help="A million tokens.")] = None,
    output_usd: Annotated[
        str | None, typer.Option("--output", metavar="USD", help="A million tokens.")
    ] = None,
    cache_read: Rate = None,
    cache_write: Rate = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"], help="A day begins in UTC."),
    ] = None,
    is_reset: Annotated[bool, typer.Option("--reset", help="Let the published price hold again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a model's price, and set it for all clients from their next turn on."""
    from datetime import UTC

    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.providers.catalog import price_state, set_price
    from csai.providers.choice import ModelRef
    from csai.providers.schemas import PriceChange

    rates = {"input": input_usd, "output": output_usd, "cache_read": cache_read, "cache_write": cache_write}
    given = {name: _decimal(name, rate) for name, rate in rates.items() if rate is not None}
    if given and is_reset:
        raise typer.BadParameter("--reset takes rates back: give none beside it")
    if start is not None and start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    ref = ModelRef.parse(model)

    async def work(installation: Installation) -> PriceState:
        if given or is_reset:
            await set_price(
                installation.transaction,
                ref,
                PriceChange(**given, effective_from=start),
                registry=installation.registry,
                clock=installation.clock,
                actor=CLI,
            )
        state, _tag = await price_state(
            installation.transaction,
            ref,
            registry=installation.registry,
            defaults=installation.settings.price_overrides,
            at=installation.clock.now(),
        )
        return state

    state = in_transaction(work)
    if as_json:
        typer.echo(state.model_dump_json())
        return
    if state.price is None:
        typer.echo(
            f"Nobody knows what {ref} costs: it is booked as nothing, and not called under a cost limit."
        )
        typer.echo("Set it: csai models price PROVIDER/MODEL --input USD --output USD")
    else:
        told = state.price
        typer.echo(f"{ref}: ${told.input} in, ${told.output} out for a million tokens ({told.source})")
    for each in state.schedule:
        rates_set = "published" if each.input is None else f"${each.input} in, ${each.output} out"
        typer.echo(f"  from {each.effective_from.isoformat()}: {rates_set}")


def _decimal(name: str, text: str) -> object:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation:
        option = name.replace("_", "-")
        raise typer.BadParameter(f"--{option} is a number of US dollars, such as 1.25") from None


def _columns(price: Price | None) -> tuple[str, str, str, str]:
    if price is None:
        return "?", "?", "?", "unknown"
    cached = "" if price.cache_read is None else f"{price.cache_read:f}"
    return f"{price.input:f}", f"{price.output:f}", cached, price.source
