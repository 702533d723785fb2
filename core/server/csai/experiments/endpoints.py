"""Experiments, as an admin sets them up and reads what came of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.service import READERS
from csai.experiments.schemas import ExperimentChange, ExperimentResults, Experiments, ExperimentState
from csai.experiments.service import (
    add_experiment,
    change_experiment,
    client_experiments,
    experiment_results,
    experiment_state,
    start_experiment,
    stop_experiment,
)
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tagged
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/experiments", tags=["admin: experiments"], responses=ADMIN_PROBLEMS
)


@router.get("", summary="The client's experiments, newest first", response_model=Experiments)
async def experiments(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return {"experiments": await client_experiments(connection, client_id)}


@router.post(
    "",
    status_code=201,
    summary="Set an experiment up",
    response_model=ExperimentState,
    openapi_extra=body_of(ExperimentChange),
)
async def add(request: Request, response: Response, client_id: str) -> Any:
    """Nothing changes for visitors until it is started."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, ExperimentChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        experiment_id = await add_experiment(
            transaction,
            client_id,
            name=asked.name,
            arms=asked.arms,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, client_id, experiment_id)


@router.get("/{experiment_id}", summary="An experiment", response_model=ExperimentState)
async def experiment(request: Request, response: Response, client_id: str, experiment_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, client_id, experiment_id)


@router.put(
    "/{experiment_id}",
    summary="Change an experiment that has not been started",
    response_model=ExperimentState,
    openapi_extra={**body_of(ExperimentChange), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str, experiment_id: str) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ExperimentChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await change_experiment(
            transaction,
            client_id,
            experiment_id,
            name=asked.name,
            arms=asked.arms,
            tags=tags,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, client_id, experiment_id)


@router.post(
    "/{experiment_id}/start",
    summary="Let conversations take part that begin from now on",
    response_model=ExperimentState,
    openapi_extra=IF_MATCH,
)
async def start(request: Request, response: Response, client_id: str, experiment_id: str) -> Any:
    """Once for each experiment, and while no other of the client runs: 409 `experiment_running`."""
    services: Services = request.app.state.services
    begin = partial(start_experiment, registry=services.registry)
    return await _switch(services, request, response, client_id, experiment_id, begin)


@router.post(
    "/{experiment_id}/stop",
    summary="End an experiment: all go on as the client is",
    response_model=ExperimentState,
    openapi_extra=IF_MATCH,
)
async def stop(request: Request, response: Response, client_id: str, experiment_id: str) -> Any:
    services: Services = request.app.state.services
    return await _switch(services, request, response, client_id, experiment_id, stop_experiment)


@router.get(
    "/{experiment_id}/results", summary="What became of each arm until now", response_model=ExperimentResults
)
async def results(request: Request, client_id: str, experiment_id: str) -> Any:
    """As far as turns are kept, which is as long as messages are."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return await experiment_results(connection, client_id, experiment_id)


async def _switch(
    services: Services,
    request: Request,
    response: Response,
    client_id: str,
    experiment_id: str,
    switch: Callable[..., Awaitable[None]],
) -> ExperimentState:
    admin = await services.admins.enter(request)
    tags = named_tags(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await switch(
            transaction, client_id, experiment_id, tags=tags, clock=services.clock, actor=admin.actor
        )
    return await _state(services, response, client_id, experiment_id)


async def _state(
    services: Services, response: Response, client_id: str, experiment_id: str
) -> ExperimentState:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return tagged(response, *await experiment_state(connection, client_id, experiment_id))
