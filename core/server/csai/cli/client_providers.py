"""`csai client providers` and `csai plans providers`: which models answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.providers.choice import Routing
    from csai.providers.schemas import ClientProviders, PlanProvidersState

plans = typer.Typer(name="plans", help="What clients may use.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Use = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PROVIDER/MODEL", help="Who answers; repeat it for those to fall back on, in order."
    ),
]
Simple = Annotated[
    list[str] | None,
    typer.Option(metavar="PROVIDER/MODEL", help="Who answers simple questions, before the others."),
]
Threshold = Annotated[
    int | None,
    typer.Option(min=0, max=100, help="Questions of a difficulty below it are simple; 0: none is."),
]


def client_providers(
    name_or_id: NameOrId,
    use: Use = None,
    simple: Simple = None,
    threshold: Threshold = None,
    is_never_simple: Annotated[
        bool, typer.Option("--no-simple", help="Let nobody else answer simple questions.")
    ] = False,
    is_reset: Annotated[bool, typer.Option("--reset", help="Leave it to the client's plan.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which models answer a client and why, and choose them."""
    from dataclasses import replace

    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.repository import ClientRepository
    from csai.clients.service import find_client
    from csai.providers.choice import ModelRef
    from csai.providers.service import ProviderChange, choose_providers, chosen_before
    from csai.providers.service import client_providers as read

    is_routed = simple or threshold is not None or is_never_simple
    if is_reset and (use or is_routed):
        raise typer.BadParameter("--reset takes back what the other options say: give it alone")
    if is_never_simple and (simple or threshold is not None):
        raise typer.BadParameter("--no-simple takes back --simple and --threshold: give one of them")

    async def work(installation: Installation) -> tuple[str, ClientProviders]:
        found = await find_client(installation.transaction, name_or_id)
        if use or is_routed or is_reset:
            client = await ClientRepository(installation.transaction, found.id).get()
            change = ProviderChange(()) if is_reset else chosen_before(client)
            if use:
                change = replace(change, chain=tuple(map(ModelRef.parse, use)))
            if is_routed:
                change = replace(change, routing=_routing(change.routing, simple, threshold, is_never_simple))
            await choose_providers(
                installation.transaction,
                found.id,
                change,
                registry=installation.registry,
                clock=installation.clock,
                actor=CLI,
            )
        async with installation.views() as views:
            state, _tag = await read(
                installation.transaction,
                found.id,
                views=views,
                default_provider=installation.settings.llm_provider,
            )
        return found.name, state

    name, state = in_transaction(work)
    if as_json:
        typer.echo(state.model_dump_json())
        return
    whose = {"client": "its own choice", "plan": f"its plan, {state.plan.name}", "installation": "default"}
    typer.echo(f"{name} is answered by ({whose[state.source]}):")
    for number, each in enumerate(state.answering, 1):
        typer.echo(f"  {number}. {each.provider}/{each.model}{_own(each.uses_own_account)}")
    if state.answering_simple:
        typer.echo(f"Simple questions, of a difficulty below {state.threshold}, are first given to:")
        for each in state.answering_simple:
            typer.echo(f"  {each.provider}/{each.model}{_own(each.uses_own_account)}")
    for missing in state.left_out:
        typer.echo(f"  Not {missing.model}: {missing.reason}")


@plans.command("providers")
def plan_providers(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Its name, such as default.")],
    use: Use = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROVIDER/MODEL",
            help="A model that clients may use, or openai/* and the like. Repeatable.",
        ),
    ] = None,
    is_all_allowed: Annotated[bool, typer.Option("--allow-all", help="Allow every model again.")] = False,
    may_choose: Annotated[
        bool | None, typer.Option("--clients-choose/--plan-chooses", help="Who chooses.")
    ] = None,
    is_reset: Annotated[
        bool, typer.Option("--no-chain", help="Have no chain of its own: the installation's answers.")
    ] = False,
    simple: Simple = None,
    threshold: Threshold = None,
    is_never_simple: Annotated[
        bool, typer.Option("--no-simple", help="Let nobody else answer simple questions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which models a plan offers and allows, and change that for all of its clients."""
    from dataclasses import replace

    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.providers.choice import ModelRef, PlanProviders
    from csai.providers.repository import PlanFeatures
    from csai.providers.service import plan_providers as read
    from csai.providers.service import set_plan_providers

    if (use and is_reset) or (allow and is_all_allowed):
        raise typer.BadParameter("--no-chain takes back --use, and --allow-all takes back --allow: give one")
    is_routed = simple or threshold is not None or is_never_simple
    if is_never_simple and (simple or threshold is not None):
        raise typer.BadParameter("--no-simple takes back --simple and --threshold: give one of them")

    async def work(installation: Installation) -> PlanProvidersState:
        transaction = installation.transaction
        before = PlanProviders.of(await PlanFeatures(transaction, plan).get())
        changed = before
        if use or is_reset:
            changed = replace(changed, chain=tuple(map(ModelRef.parse, use or ())))
        if allow or is_all_allowed:
            changed = replace(changed, models=tuple(allow) if allow else None)
        if may_choose is not None:
            changed = replace(changed, may_choose=may_choose)
        if is_routed:
            routing = _routing(changed.routing, simple, threshold, is_never_simple)
            changed = replace(changed, routing=routing)
        if changed != before:
            await set_plan_providers(
                transaction,
                plan,
                changed,
                registry=installation.registry,
                clock=installation.clock,
                actor=CLI,
            )
        return (await read(transaction, plan))[0]

    state = in_transaction(work)
    if as_json:
        typer.echo(state.model_dump_json())
        return
    typer.echo(f"Chain:   {', '.join(state.chain) or 'none; the installation decides'}")
    typer.echo(f"Allowed: {'every model' if state.models is None else ', '.join(state.models) or 'none'}")
    if state.simple:
        typer.echo(
            f"Simple:  {', '.join(state.simple)}, where a question's difficulty is below {state.threshold}"
        )
    typer.echo(f"Clients {'may choose their own' if state.may_choose else 'have what the plan says'}.")


def _routing(
    before: Routing | None, simple: list[str] | None, threshold: int | None, is_never_simple: bool
) -> Routing:
    """What the options make of it; what they leave out stays."""
    from csai.providers.choice import ModelRef, Routing

    if is_never_simple:
        return Routing()
    had = before or Routing()
    return Routing(
        tuple(map(ModelRef.parse, simple)) if simple else had.simple,
        had.threshold if threshold is None else threshold,
    )


def _own(is_own: bool) -> str:
    return ", with its own account" if is_own else ""
