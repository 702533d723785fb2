"""`csai experiments`: conversations split between arms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from csai.cli.client import NameOrId

if TYPE_CHECKING:
    from csai.cli.installation import Installation
    from csai.experiments.schemas import ArmState, Estimate, ExperimentResults, ExperimentState

experiments = typer.Typer(
    name="experiments", help="Split a client's conversations between models or prompts.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Its name or id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@experiments.command("list")
def list_all(name_or_id: NameOrId, as_json: AsJson = False) -> None:
    """List a client's experiments, newest first."""
    import json

    from csai.cli.installation import in_transaction
    from csai.cli.table import print_table
    from csai.clients.service import find_client
    from csai.experiments.service import client_experiments

    async def look(installation: Installation) -> list[ExperimentState]:
        found = await find_client(installation.transaction, name_or_id)
        return await client_experiments(installation.transaction, found.id)

    rows = in_transaction(look)
    if as_json:
        typer.echo(json.dumps({"experiments": [row.model_dump(mode="json") for row in rows]}))
        return
    print_table(
        ("Experiment", "Name", "Status", "Arms"),
        [(row.id, row.name, row.status, ", ".join(arm.name for arm in row.arms)) for row in rows],
    )


@experiments.command()
def create(
    name_or_id: NameOrId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARM[=PROVIDER/MODEL]", help="An arm; without a model the client as it is. Repeatable."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Arms as a list in YAML: name, weight, chain, prompt, temperature."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set an experiment up. Nothing changes for visitors until it is started."""
    from csai.admins.audit import CLI
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.experiments.service import add_experiment, experiment_state

    asked = _arms(name, arm or [], file)

    async def add(installation: Installation) -> ExperimentState:
        found = await find_client(installation.transaction, name_or_id)
        experiment_id = await add_experiment(
            installation.transaction,
            found.id,
            name=name,
            arms=asked,
            registry=installation.registry,
            clock=installation.clock,
            actor=CLI,
        )
        return (await experiment_state(installation.transaction, found.id, experiment_id))[0]

    _tell(in_transaction(add), as_json)


@experiments.command()
def start(name_or_id: NameOrId, experiment: Name, as_json: AsJson = False) -> None:
    """Let conversations take part that begin from now on."""
    from csai.experiments.service import start_experiment

    async def begin(installation: Installation, client_id: str, experiment_id: str) -> None:
        from csai.admins.audit import CLI

        await start_experiment(
            installation.transaction,
            client_id,
            experiment_id,
            registry=installation.registry,
            clock=installation.clock,
            actor=CLI,
        )

    _change(name_or_id, experiment, begin, as_json)


@experiments.command()
def stop(name_or_id: NameOrId, experiment: Name, as_json: AsJson = False) -> None:
    """End an experiment: all conversations go on as the client is."""
    from csai.experiments.service import stop_experiment

    async def end(installation: Installation, client_id: str, experiment_id: str) -> None:
        from csai.admins.audit import CLI

        await stop_experiment(
            installation.transaction, client_id, experiment_id, clock=installation.clock, actor=CLI
        )

    _change(name_or_id, experiment, end, as_json)


@experiments.command()
def results(name_or_id: NameOrId, experiment: Name, as_json: AsJson = False) -> None:
    """Show what became of each arm until now, and what can be said of their differences."""
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.experiments.service import experiment_results

    async def look(installation: Installation) -> ExperimentResults:
        client = await find_client(installation.transaction, name_or_id)
        found = await _find(installation, client.id, experiment)
        return await experiment_results(installation.transaction, client.id, found)

    found = in_transaction(look)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _show(found)


def _arms(name: str, given: list[str], file: Path | None) -> list[ArmState]:
    from pydantic import ValidationError

    from csai.cli.argument import read_text
    from csai.experiments.schemas import ExperimentChange
    from csai.kit.document import NoDocument, read_document

    if bool(given) == (file is not None):
        raise typer.BadParameter("give the arms either with --arm, twice or more, or with --file")
    arms: Any = []
    if file is None:
        for each in given:
            arm, _, model = each.partition("=")
            arms.append({"name": arm, "chain": [model] if model else []})
    else:
        try:
            arms = read_document(read_text(file))
        except NoDocument as error:
            raise typer.BadParameter(f"{file}: {error}") from None
    try:
        return ExperimentChange.model_validate({"name": name, "arms": arms}).arms
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise typer.BadParameter(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _change(name_or_id: str, experiment: str, change: Any, as_json: bool) -> None:
    from csai.cli.installation import in_transaction
    from csai.clients.service import find_client
    from csai.experiments.service import experiment_state

    async def work(installation: Installation) -> ExperimentState:
        client = await find_client(installation.transaction, name_or_id)
        found = await _find(installation, client.id, experiment)
        await change(installation, client.id, found)
        return (await experiment_state(installation.transaction, client.id, found))[0]

    _tell(in_transaction(work), as_json)


async def _find(installation: Installation, client_id: str, name_or_id: str) -> str:
    from csai.experiments.service import client_experiments
    from csai.kit.problem import Problem

    for each in await client_experiments(installation.transaction, client_id):
        if name_or_id in {each.id, each.name}:
            return each.id
    raise Problem(
        404, "not_found", f"The client has no experiment '{name_or_id[:99]}'. See csai experiments list."
    )


def _tell(state: ExperimentState, as_json: bool) -> None:
    if as_json:
        typer.echo(state.model_dump_json())
        return
    typer.echo(f"{state.name} ({state.id}) is {state.status}:")
    for arm in state.arms:
        told = [
            *([", ".join(arm.chain)] if arm.chain else []),
            *(["a prompt of its own"] if arm.prompt else []),
            *([f"temperature {arm.temperature}"] if arm.temperature is not None else []),
        ]
        typer.echo(f"  {arm.name}, weight {arm.weight}: {'; '.join(told) or 'the client as it is'}")


def _show(found: ExperimentResults) -> None:
    from csai.cli.table import print_table

    print_table(
        (
            "Arm",
            "Conversations",
            "Turns",
            "Completed",
            "Failed",
            "Handed off",
            "$ each",
            "p50 ms",
            "p95 ms",
            "+/-",
            "Rated",
        ),
        [
            (
                *(arm.name, str(arm.conversations), str(arm.turns)),
                *(_percent(each) for each in (arm.completed, arm.failed, arm.handed_off)),
                _usd(arm.cost_per_conversation),
                *(str(each) if each is not None else "" for each in (arm.latency_p50_ms, arm.latency_p95_ms)),
                f"{arm.thumbs_up}/{arm.thumbs_down}",
                "" if arm.rating.value is None else f"{arm.rating.value:.1f} ({arm.rated})",
            )
            for arm in found.arms
        ],
    )
    typer.echo(found.statement)
    if found.is_cut:
        typer.echo("There are more turns: only the newest were counted.")


def _percent(of: Estimate) -> str:
    if of.value is None or of.low is None or of.high is None:
        return ""
    return f"{of.value:.0%} ({of.low:.0%}-{of.high:.0%})"


def _usd(of: Estimate) -> str:
    return "" if of.value is None else f"{of.value:.6f}"
