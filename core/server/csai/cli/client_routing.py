"""`csai client replay-routing` and `recommend`: what other choices would have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.providers.recommendation_schemas import Recommendation
    from csai.providers.routing_schemas import RoutingReplay, Share


def replay_routing(
    name_or_id: NameOrId,
    threshold: Annotated[
        int | None, typer.Option(min=0, max=100, help="The one to try; without it the client's own.")
    ] = None,
    simple: Annotated[
        str, typer.Option(metavar="PROVIDER/MODEL", help="Another model for simple questions.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Decide past turns again from what was kept of them: no model is asked, nothing is changed."""
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.providers.choice import ModelRef
    from csai.providers.replay import replay_routing as replay

    async def look(installation: Installation) -> RoutingReplay:
        found = await find_client(installation.transaction, name_or_id)
        return await replay(
            installation.transaction,
            found.id,
            threshold=threshold,
            simple_model=ModelRef.parse(simple) if simple else None,
            days=days,
            registry=installation.registry,
            defaults=installation.settings.price_overrides,
            now=installation.clock.now(),
        )

    result = in_transaction(look)
    if as_json:
        typer.echo(result.model_dump_json())
    else:
        _show(result)


def recommend(
    name_or_id: NameOrId,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back, today included.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which models would have answered a client's own calls for less. Quality is not measured."""
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.providers.recommendation import recommend as compare
    from csai.usage.repository import Span

    async def look(installation: Installation) -> Recommendation:
        found = await find_client(installation.transaction, name_or_id)
        now = installation.clock.now()
        async with installation.views() as views:
            return await compare(
                installation.transaction,
                found.id,
                Span.until(now, days=days),
                views=views,
                registry=installation.registry,
                defaults=installation.settings.price_overrides,
                now=now,
            )

    result = in_transaction(look)
    if as_json:
        typer.echo(result.model_dump_json())
    else:
        _show_cheaper(result)


def _show_cheaper(result: Recommendation) -> None:
    from csai.cli.table import print_table

    typer.echo(f"{result.calls} calls in {result.days} days cost ${result.cost:f}.")
    if result.unpriced_calls:
        typer.echo(f"{result.unpriced_calls} of them have no price, so more may have been spent.")
    if result.estimated_calls:
        typer.echo(f"{result.estimated_calls} of them are estimates: their vendor reported nothing.")
    typer.echo(result.statement)
    if not result.cheaper:
        return
    print_table(
        ("Model", "Cost $", "Saves $ a month", "Share", "Set up"),
        [
            (
                f"{each.provider}/{each.model}",
                f"{each.cost:f}",
                f"{each.saving_per_month:f}",
                f"{each.saving_share:.0%}",
                "yes" if each.is_set_up else "no",
            )
            for each in result.cheaper
        ],
    )
    typer.echo("Not known:")
    for unknown in dict.fromkeys(text for each in result.cheaper for text in each.unknown):
        typer.echo(f"  {unknown}")


def _show(result: RoutingReplay) -> None:
    from csai.cli.table import print_table

    typer.echo(f"{result.turns} turns of {result.days} days, threshold {result.threshold}:")
    for label, share in (
        ("simple as it was", result.simple_before),
        ("simple as tried", result.simple_after),
        ("would go to the cheaper model", result.to_simple),
        ("would go to the chain", result.to_chain),
        ("were taken over by the chain", result.escalated),
    ):
        typer.echo(f"  {label:31} {_told(share)}")
    saved = result.cost_before - result.cost_after
    typer.echo(
        f"Cost ${result.cost_before:.6f} as it was, ${result.cost_after:.6f} as tried: ${saved:.6f} less."
    )
    if result.unpriced:
        typer.echo(f"{result.unpriced} turns would be of unknown price and are counted as they were.")
    if result.other_rules:
        typer.echo(f"{result.other_rules} turns were judged by other rules and are left out.")
    if result.is_cut:
        typer.echo("There are more: only the newest were looked at.")
    print_table(
        ("Difficulty", "Turns", "Were simple", "Taken over"),
        [
            (f"{band.least}-{band.least + 9}", str(band.turns), str(band.was_simple), str(band.escalated))
            for band in result.bands
        ],
    )
    typer.echo("Whether the answers are as good is not measured: csai experiments, csai eval.")


def _told(share: Share) -> str:
    return f"{share.turns:6}  {share.share:7.2%}"
