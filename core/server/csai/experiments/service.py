"""Setting experiments up, starting and stopping them: one way in for the HTTP API and the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from csai_sdk import Clock
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.action import Action
from csai.admins.audit import Actor, record
from csai.clients.repository import ClientRepository, ClientRow
from csai.clients.service import check_allowed, plan_chooses
from csai.experiments.arm import Arm
from csai.experiments.repository import ExperimentRepository, ExperimentRow
from csai.experiments.result import arm_result, comparisons, statement, tallied
from csai.experiments.schemas import ArmState, ExperimentResults, ExperimentState
from csai.kit.identifier import check_id, new_id
from csai.kit.precondition import check_tag, tag_of
from csai.kit.problem import Problem
from csai.kit.text import is_clean
from csai.plugins.registry import PluginRegistry
from csai.providers.choice import ModelRef, PlanProviders
from csai.providers.service import check_chain

MAX_TURNS = 100_000


async def client_experiments(connection: AsyncConnection, client_id: str) -> list[ExperimentState]:
    """Newest first. Raises `Problem`."""
    await ClientRepository(connection, client_id).get()
    return [_state(row) for row in await ExperimentRepository(connection, client_id).all()]


async def experiment_state(
    connection: AsyncConnection, client_id: str, experiment_id: str
) -> tuple[ExperimentState, str]:
    """An experiment, with its tag. Raises `Problem`."""
    check_id(experiment_id, "experiment")
    row = await ExperimentRepository(connection, client_id).get(experiment_id)
    return _state(row), tag_of(row.state())


async def add_experiment(
    transaction: AsyncConnection,
    client_id: str,
    *,
    name: str,
    arms: Sequence[ArmState],
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> str:
    """The id of a new one, which is a draft until it is started. Raises `Problem`."""
    client = await _locked(transaction, client_id)
    repository = ExperimentRepository(transaction, client_id)
    checked = _checked(name, arms, client, registry)
    _check_name(name, await repository.all())
    experiment_id = new_id()
    await repository.add(experiment_id, name=name, arms=checked, at=clock.now())
    row = await repository.get(experiment_id)
    await _record(transaction, actor, "experiment.created", client_id, None, row, clock)
    return experiment_id


async def change_experiment(
    transaction: AsyncConnection,
    client_id: str,
    experiment_id: str,
    *,
    name: str,
    arms: Sequence[ArmState],
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Change a draft. Raises `Problem`, and 412 for a tag that is over."""
    client = await _locked(transaction, client_id)
    repository = ExperimentRepository(transaction, client_id)
    before = await _found(repository, experiment_id, tags)
    _check_status(before, "draft", "It has been started, so its arms are fixed. Make another experiment.")
    checked = _checked(name, arms, client, registry)
    _check_name(name, [row for row in await repository.all() if row.id != experiment_id])
    await repository.change(experiment_id, name=name, arms=[arm.stored() for arm in checked])
    after = await repository.get(experiment_id)
    await _record(transaction, actor, "experiment.changed", client_id, before, after, clock)


async def start_experiment(
    transaction: AsyncConnection,
    client_id: str,
    experiment_id: str,
    *,
    tags: Collection[str] | None = None,
    registry: PluginRegistry,
    clock: Clock,
    actor: Actor,
) -> None:
    """Let conversations take part that begin from now on. Raises `Problem`, and 412 for an old tag."""
    client = await _locked(transaction, client_id)
    repository = ExperimentRepository(transaction, client_id)
    before = await _found(repository, experiment_id, tags)
    _check_status(before, "draft", "It has been started before. Make another experiment.")
    running = [row for row in await repository.all() if row.status == "running"]
    if running:
        raise Problem(
            409, "experiment_running", f"'{running[0].name}' is running. Stop it first: a client has one."
        )
    # The plan may have changed since it was set up.
    _checked(before.name, [_arm_state(arm) for arm in before.arms], client, registry)
    await repository.change(experiment_id, status="running", started_at=clock.now())
    await _follow(transaction, client_id, before, "experiment.started", clock, actor)


async def stop_experiment(
    transaction: AsyncConnection,
    client_id: str,
    experiment_id: str,
    *,
    tags: Collection[str] | None = None,
    clock: Clock,
    actor: Actor,
) -> None:
    """Let all conversations go on as the client is. Raises `Problem`, and 412 for a tag that is over."""
    await _locked(transaction, client_id)
    repository = ExperimentRepository(transaction, client_id)
    before = await _found(repository, experiment_id, tags)
    _check_status(before, "running", "It is not running.")
    await repository.change(experiment_id, status="stopped", stopped_at=clock.now())
    await _follow(transaction, client_id, before, "experiment.stopped", clock, actor)


async def experiment_results(
    connection: AsyncConnection, client_id: str, experiment_id: str
) -> ExperimentResults:
    """What became of its arms until now. Raises `Problem`."""
    check_id(experiment_id, "experiment")
    repository = ExperimentRepository(connection, client_id)
    row = await repository.get(experiment_id)
    turns = await repository.turns(row, most=MAX_TURNS)
    tallies = tallied(row.arms, turns, await repository.opinions(row, most=MAX_TURNS))
    compared = list(comparisons(tallies))
    return ExperimentResults(
        experiment=_state(row),
        arms=[arm_result(tally) for tally in tallies],
        comparisons=compared,
        statement=statement(tallies, compared),
        is_cut=len(turns) == MAX_TURNS,
    )


async def _locked(transaction: AsyncConnection, client_id: str) -> ClientRow:
    repository = ClientRepository(transaction, client_id)
    await repository.lock()
    return await repository.get()


async def _found(
    repository: ExperimentRepository, experiment_id: str, tags: Collection[str] | None
) -> ExperimentRow:
    check_id(experiment_id, "experiment")
    row = await repository.get(experiment_id)
    check_tag(row.state(), tags)
    return row


async def _follow(
    transaction: AsyncConnection,
    client_id: str,
    before: ExperimentRow,
    action: Action,
    clock: Clock,
    actor: Actor,
) -> None:
    """Let turns follow what became of the experiment, and keep who did it."""
    await ClientRepository(transaction, client_id).bump()
    after = await ExperimentRepository(transaction, client_id).get(before.id)
    await _record(transaction, actor, action, client_id, before, after, clock)


async def _record(
    transaction: AsyncConnection,
    actor: Actor,
    action: Action,
    client_id: str,
    before: ExperimentRow | None,
    after: ExperimentRow,
    clock: Clock,
) -> None:
    await record(
        transaction,
        actor,
        action,
        object=f"experiment:{after.id}",
        client_id=client_id,
        before=before.state() if before else None,
        after=after.state(),
        at=clock.now(),
    )


def _state(row: ExperimentRow) -> ExperimentState:
    return ExperimentState.model_validate(
        {
            **row.state(),
            "id": row.id,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "stopped_at": row.stopped_at,
        }
    )


def _arm_state(arm: Arm) -> ArmState:
    return ArmState.model_validate(arm.stored())


def _check_status(row: ExperimentRow, status: Literal["draft", "running"], detail: str) -> None:
    if row.status != status:
        raise Problem(409, f"experiment_not_{status}", detail)


def _check_name(name: str, others: Sequence[ExperimentRow]) -> None:
    if any(row.name == name for row in others):
        raise Problem(409, "experiment_exists", "The client has an experiment of this name. Choose another.")


def _checked(name: str, arms: Sequence[ArmState], client: ClientRow, registry: PluginRegistry) -> list[Arm]:
    """The arms, if they can be: each of a name of its own, with models that the plan allows."""
    if not name.strip() or not name.isprintable():
        raise Problem(422, "experiment_invalid", "An experiment's name is on one line, and not empty.")
    names = [arm.name for arm in arms]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise Problem(422, "experiment_invalid", f"Two arms are called '{twice[0]}'.")
    plan = PlanProviders.of(client.features)
    checked = []
    for arm in arms:
        if not arm.name.isprintable() or not is_clean(arm.prompt):
            raise Problem(422, "experiment_invalid", f"The arm '{arm.name}' has characters that cannot be.")
        chain = tuple(map(ModelRef.parse, arm.chain))
        if chain and not plan.may_choose:
            raise plan_chooses(client.plan)
        check_chain(chain, registry)
        check_allowed(plan, chain, plan_name=client.plan)
        checked.append(Arm(arm.name, arm.weight, chain, arm.prompt, arm.temperature))
    return checked
