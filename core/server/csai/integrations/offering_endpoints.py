"""What is read through a client's connections: written, imported and offered to the model by an admin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.audit import Actor
from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.integrations.description import describe_endpoints
from csai.integrations.document import MAX_BYTES, fetch_document, read_document
from csai.integrations.endpoints import check_ids
from csai.integrations.offering import Endpoints
from csai.integrations.repository import ConnectionRepository, EndpointRepository
from csai.integrations.schemas import (
    DocumentImport,
    EndpointBody,
    EndpointState,
    EndpointStates,
    ImportOutcome,
    NewEndpoint,
    OfferChange,
)
from csai.integrations.service import find_integration
from csai.kit.body import read_model
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tagged
from csai.kit.problem import Problem, not_found
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/integrations", tags=["admin: integrations"], responses=ADMIN_PROBLEMS
)


@router.get(
    "/{integration_id}/endpoints", summary="What can be read through it", response_model=EndpointStates
)
async def endpoints(request: Request, client_id: str, integration_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return {"endpoints": await _endpoints(services, client_id, integration_id)}


@router.post(
    "/{integration_id}/endpoints",
    summary="Name a piece of live data",
    status_code=201,
    response_model=EndpointState,
    openapi_extra=body_of(NewEndpoint),
)
async def add_endpoint(request: Request, response: Response, client_id: str, integration_id: str) -> Any:
    """A model sees it only once it is offered as a tool."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewEndpoint, max_bytes=services.settings.max_body_bytes)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        await within.add(asked.draft(asked.name))
    return await _endpoint(services, response, client_id, integration_id, asked.name)


@router.post(
    "/{integration_id}/import",
    summary="Add the endpoints that a document describes",
    response_model=ImportOutcome,
    openapi_extra=body_of(DocumentImport),
)
async def import_document(request: Request, client_id: str, integration_id: str) -> Any:
    """OpenAPI 3.0 and 3.1 for the integration `rest`. What is left out is told with the reason."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, DocumentImport, max_bytes=2 * MAX_BYTES)
    check_ids(client_id, integration_id)
    async with services.database.read() as connection:
        row = await ConnectionRepository(connection, client_id).get(integration_id)
    _plugin, integration = find_integration(services.registry, row.integration_type)
    if (asked.document is None) == (asked.url is None):
        raise Problem(422, "request_invalid", "Give the document itself or its url: one of them.")
    document = asked.document
    if document is None:
        document = await fetch_document(asked.url or "", services.outbound.http)
    found = await read_document(integration, document)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        added, skipped = await within.add_all(found)
    return {"added": added, "skipped": [{"name": name, "reason": reason} for name, reason in skipped]}


@router.get(
    "/{integration_id}/endpoints/{name}", summary="One piece of live data", response_model=EndpointState
)
async def endpoint(
    request: Request, response: Response, client_id: str, integration_id: str, name: str
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _endpoint(services, response, client_id, integration_id, name)


@router.put(
    "/{integration_id}/endpoints/{name}",
    summary="Put another in its place",
    response_model=EndpointState,
    openapi_extra={**body_of(EndpointBody), **IF_MATCH},
)
async def change_endpoint(
    request: Request, response: Response, client_id: str, integration_id: str, name: str
) -> Any:
    """The tool that it is offered as follows at the client's next turn."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, EndpointBody, max_bytes=services.settings.max_body_bytes)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        await within.change(name, asked.draft(name), tags=tags)
    return await _endpoint(services, response, client_id, integration_id, name)


@router.delete(
    "/{integration_id}/endpoints/{name}",
    summary="Delete it with its tool",
    status_code=204,
    openapi_extra=IF_MATCH,
)
async def delete_endpoint(request: Request, client_id: str, integration_id: str, name: str) -> None:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    tags = named_tags(request)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        await within.delete(name, tags=tags)


@router.put(
    "/{integration_id}/endpoints/{name}/tool",
    summary="Offer it to the model as a tool",
    response_model=EndpointState,
    openapi_extra=body_of(OfferChange),
)
async def offer(request: Request, response: Response, client_id: str, integration_id: str, name: str) -> Any:
    """It holds from the client's next turn on."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, OfferChange, max_bytes=services.settings.max_body_bytes)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        await within.offer(name, enabled=asked.enabled, tool_name=asked.tool_name)
    return await _endpoint(services, response, client_id, integration_id, name)


@router.delete(
    "/{integration_id}/endpoints/{name}/tool", summary="Offer it no more", response_model=EndpointState
)
async def withdraw(
    request: Request, response: Response, client_id: str, integration_id: str, name: str
) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    async with _changing(services, client_id, integration_id, admin.actor) as within:
        await within.withdraw(name)
    return await _endpoint(services, response, client_id, integration_id, name)


@asynccontextmanager
async def _changing(
    services: Services, client_id: str, integration_id: str, actor: Actor
) -> AsyncIterator[Endpoints]:
    check_ids(client_id, integration_id)
    async with services.database.write() as transaction:
        yield Endpoints(
            transaction,
            client_id,
            integration_id,
            registry=services.registry,
            clock=services.clock,
            actor=actor,
        )


async def _endpoints(services: Services, client_id: str, integration_id: str) -> list[EndpointState]:
    check_ids(client_id, integration_id)
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        row = await ConnectionRepository(connection, client_id).get(integration_id)
        stored = await EndpointRepository(connection, client_id).of(integration_id)
    _plugin, integration = services.registry.integrations.get(row.integration_type, ("", None))
    return describe_endpoints(stored, integration)


async def _endpoint(
    services: Services, response: Response, client_id: str, integration_id: str, name: str
) -> EndpointState:
    for each in await _endpoints(services, client_id, integration_id):
        if each.name == name:
            return tagged(response, each, each.revision)
    raise not_found("endpoint")
