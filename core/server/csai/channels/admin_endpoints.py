"""Accounts of channels, as an admin sees and changes them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.audit import SYSTEM, Actor
from csai.admins.service import READERS
from csai.channels.repository import AccountRepository
from csai.channels.schemas import AccountChange, AccountCheck, AccountState, ClientChannels, NewAccount
from csai.channels.service import Accounts, check_account
from csai.clients.repository import ClientRepository
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tagged
from csai.kit.problem import not_found
from csai.plugins.form import form_groups, settings_schema
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/channels", tags=["admin: channels"], responses=ADMIN_PROBLEMS
)


@router.get(
    "", summary="The client's accounts, and what it may have accounts of", response_model=ClientChannels
)
async def channels(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
        accounts = await _accounts(services, connection, client_id).all()
    view = await services.views.get(client_id, client.config_version)
    available = [
        {
            "id": name,
            "plugin": plugin_id,
            "is_on": name in view.channels,
            "settings_schema": settings_schema(channel.account_model),
            "groups": form_groups(channel.account_model),
        }
        for name, (plugin_id, channel) in sorted(services.registry.channels.items())
    ]
    return {"available": available, "accounts": accounts}


@router.post(
    "",
    summary="Set up an account",
    status_code=201,
    response_model=AccountState,
    openapi_extra=body_of(NewAccount),
)
async def create(request: Request, response: Response, client_id: str) -> Any:
    """Secrets are never given back. Tell the vendor the `webhook_url`."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewAccount, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await ClientRepository(transaction, client_id).get()
        accounts = _accounts(services, transaction, client_id, admin.actor)
        return _tagged(response, await accounts.create(asked.channel, asked.name, asked.settings))


@router.get("/{account_id}", summary="An account", response_model=AccountState)
async def account(request: Request, response: Response, client_id: str, account_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return _tagged(response, await _accounts(services, connection, client_id).get(account_id))


@router.patch(
    "/{account_id}",
    summary="Change an account, or switch it",
    response_model=AccountState,
    openapi_extra={**body_of(AccountChange), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str, account_id: str) -> Any:
    """Settings that are left out stay, secrets too; null takes one back."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, revisions = await read_change(request, AccountChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        accounts = _accounts(services, transaction, client_id, admin.actor)
        changed = await accounts.change(
            account_id,
            name=asked.name,
            enabled=asked.enabled,
            settings=asked.settings,
            revisions=revisions,
        )
    return _tagged(response, changed)


@router.delete(
    "/{account_id}",
    summary="Remove an account with what came and went there; conversations stay",
    status_code=204,
    openapi_extra=IF_MATCH,
)
async def remove(request: Request, client_id: str, account_id: str) -> Response:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    revisions = named_tags(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        accounts = _accounts(services, transaction, client_id, admin.actor)
        await accounts.remove(account_id, revisions=revisions)
    return Response(status_code=204)


@router.post("/{account_id}/test", summary="Try an account at its vendor", response_model=AccountCheck)
async def test(request: Request, client_id: str, account_id: str) -> Any:
    """Nothing is sent to anybody."""
    services: Services = request.app.state.services
    await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
        row = await AccountRepository(connection, client_id).find(account_id)
    if row is None:
        raise not_found("account")
    return await check_account(services.channels.lines, row, client.config_version)


def _accounts(
    services: Services, connection: AsyncConnection, client_id: str, actor: Actor = SYSTEM
) -> Accounts:
    return Accounts(
        connection,
        client_id,
        registry=services.registry,
        keyring=services.keyring,
        clock=services.clock,
        public_url=services.settings.public_url,
        actor=actor,
    )


def _tagged(response: Response, state: AccountState) -> AccountState:
    return tagged(response, state, state.revision)
