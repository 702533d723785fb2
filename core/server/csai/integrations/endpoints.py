"""A client's connections to its own systems as an admin sees, makes, tests and offers them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.integrations.description import describe_connection, describe_types
from csai.integrations.repository import ConnectionRepository
from csai.integrations.schemas import (
    ClientIntegrations,
    ConnectionPatch,
    ConnectionState,
    NewConnection,
    TestOutcome,
)
from csai.integrations.service import (
    ConnectionChange,
    add_connection,
    change_connection,
    delete_connection,
    test_connection,
)
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tagged
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/integrations", tags=["admin: integrations"], responses=ADMIN_PROBLEMS
)


@router.get(
    "", summary="The client's connections, and what others can be made", response_model=ClientIntegrations
)
async def integrations(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    on_by_default = services.settings.plugins_on_by_default
    async with services.database.read() as connection:
        client = ClientRepository(connection, client_id)
        await client.get()
        plugins = await client.plugins()
        rows = await ConnectionRepository(connection, client_id).all()
    return {
        "integrations": [
            describe_connection(
                row,
                client_id,
                plugins=plugins,
                registry=services.registry,
                on_by_default=on_by_default,
                keyring=services.keyring,
            )
            for row in rows
        ],
        "available": describe_types(services.registry, plugins, on_by_default),
    }


@router.post(
    "",
    summary="Make a connection",
    status_code=201,
    response_model=ConnectionState,
    openapi_extra=body_of(NewConnection),
)
async def add(request: Request, response: Response, client_id: str) -> Any:
    """Secrets are encrypted and never given back. Only what is offered as a tool is read by turns."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewConnection, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    given = {name: value for name, value in asked.settings.items() if value is not None}
    async with services.database.write() as transaction:
        integration_id = await add_connection(
            transaction,
            client_id,
            asked.type,
            ConnectionChange(asked.name, asked.enabled, given),
            registry=services.registry,
            keyring=services.keyring,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, client_id, integration_id)


@router.get("/{integration_id}", summary="A connection", response_model=ConnectionState)
async def integration(request: Request, response: Response, client_id: str, integration_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, client_id, integration_id)


@router.patch(
    "/{integration_id}",
    summary="Change or switch a connection",
    response_model=ConnectionState,
    openapi_extra={**body_of(ConnectionPatch), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str, integration_id: str) -> Any:
    """It holds from the client's next turn on. Settings that are left out stay, secrets too; null clears."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ConnectionPatch, max_bytes=services.settings.max_body_bytes)
    check_ids(client_id, integration_id)
    async with services.database.write() as transaction:
        await change_connection(
            transaction,
            client_id,
            integration_id,
            ConnectionChange(
                asked.name,
                asked.enabled,
                {name: value for name, value in asked.settings.items() if value is not None},
                [name for name, value in asked.settings.items() if value is None],
            ),
            tags=tags,
            registry=services.registry,
            keyring=services.keyring,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, client_id, integration_id)


@router.delete(
    "/{integration_id}",
    summary="Delete a connection with its endpoints and their tools",
    status_code=204,
    openapi_extra=IF_MATCH,
)
async def delete(request: Request, client_id: str, integration_id: str) -> None:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    tags = named_tags(request)
    check_ids(client_id, integration_id)
    async with services.database.write() as transaction:
        await delete_connection(
            transaction, client_id, integration_id, tags=tags, clock=services.clock, actor=admin.actor
        )


@router.post("/{integration_id}/test", summary="Try a connection", response_model=TestOutcome)
async def test(request: Request, client_id: str, integration_id: str) -> Any:
    """Changes nothing in the client's system. What came of it is kept as `last_sync_test`."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_ids(client_id, integration_id)
    check = await test_connection(
        client_id,
        integration_id,
        database=services.database,
        views=services.views,
        registry=services.registry,
        keyring=services.keyring,
        clock=services.clock,
        actor=admin.actor,
    )
    return {"is_ok": check.is_ok, "detail": check.detail}


async def _state(
    services: Services, response: Response, client_id: str, integration_id: str
) -> ConnectionState:
    check_ids(client_id, integration_id)
    async with services.database.read() as connection:
        client = ClientRepository(connection, client_id)
        await client.get()
        plugins = await client.plugins()
        row = await ConnectionRepository(connection, client_id).get(integration_id)
    state = describe_connection(
        row,
        client_id,
        plugins=plugins,
        registry=services.registry,
        on_by_default=services.settings.plugins_on_by_default,
        keyring=services.keyring,
    )
    return tagged(response, state, row.revision)


def check_ids(client_id: str, integration_id: str) -> None:
    """Raises 404 for what cannot be the ids of a client and of its connection."""
    check_id(client_id, "client")
    check_id(integration_id, "integration")
