"""Admins as their owners see and change them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from csai.admins.account import (
    Account,
    Link,
    accounts,
    admin_exists,
    change_admin,
    create_admin,
    find_account,
    give_link,
    reset_admin,
    unlock_admin,
)
from csai.admins.repository import ADMIN_ORDER
from csai.admins.schemas import AdminChange, AdminItem, AdminLinkItem, AdminList, InvitedAdmin, NewAdmin
from csai.admins.service import OWNERS, SignedIn
from csai.database import Conflict
from csai.kit.body import read_model
from csai.kit.cursor import Cursor, read_place
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.page import page_of
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/admin/admins", tags=["admin: admins"], responses=ADMIN_PROBLEMS)

AdminId = Annotated[str, Path(description="The admin's id.")]


@router.get("", summary="Who may sign in, and what they may do", response_model=AdminList)
async def listing(
    request: Request, before: Cursor = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Any:
    """By e-mail address. An owner of some clients sees those whose clients are all among them."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    place = read_place(before, order=ADMIN_ORDER)
    async with services.database.read() as connection:
        found = await accounts(connection, scope=admin.client_ids, after=place, count=limit + 1)
    page, later = page_of(found, limit, mark=lambda each: str(each.row.place))
    return {"admins": [_item(each) for each in page], "next": later}


@router.post(
    "",
    summary="Invite an admin",
    status_code=201,
    response_model=InvitedAdmin,
    openapi_extra=body_of(NewAdmin),
)
async def invite(request: Request) -> Any:
    """The link, for you to hand on, lets them choose a password. 409 `admin_exists` for a used address."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    asked = await read_model(request, NewAdmin, max_bytes=services.settings.max_body_bytes)
    _check_clients(admin, asked.client_ids)
    try:
        async with services.database.write() as transaction:
            admin_id = await create_admin(
                transaction,
                email=asked.email,
                password=None,
                role=asked.role,
                client_ids=None if asked.client_ids is None else set(asked.client_ids),
                actor=admin.actor,
                clock=services.clock,
            )
            link = await give_link(transaction, admin_id, at=services.clock.now())
            account = await find_account(transaction, admin_id)
    except Conflict:
        raise admin_exists(asked.email) from None  # somebody invited them in the same moment
    return {"admin": _item(account), "link": _link(request, link)}


@router.get("/{admin_id}", summary="One admin", response_model=AdminItem)
async def one(request: Request, admin_id: AdminId) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    check_id(admin_id, "admin")
    async with services.database.read() as connection:
        return _item(await find_account(connection, admin_id, scope=admin.client_ids))


@router.patch(
    "/{admin_id}",
    summary="Change an admin's role or clients, or switch them off",
    response_model=AdminItem,
    openapi_extra=body_of(AdminChange),
)
async def change(request: Request, admin_id: AdminId) -> Any:
    """Ends their sessions. 409 `last_owner` where nobody would own the installation any more."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    asked = await read_model(request, AdminChange, max_bytes=services.settings.max_body_bytes)
    check_id(admin_id, "admin")
    changes = asked.model_dump(include=asked.model_fields_set)
    if "client_ids" in changes:
        _check_clients(admin, asked.client_ids)
    async with services.database.write() as transaction:
        account = await find_account(transaction, admin_id, scope=admin.client_ids)
        if changes:
            await change_admin(transaction, account, changes, actor=admin.actor, at=services.clock.now())
        return _item(await find_account(transaction, admin_id))


@router.post(
    "/{admin_id}/reset", summary="Take an admin's password away and give a link", response_model=AdminLinkItem
)
async def reset(request: Request, admin_id: AdminId) -> Any:
    """Ends their sessions, every link that was given before, and the tie to an identity provider."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    check_id(admin_id, "admin")
    async with services.database.write() as transaction:
        account = await find_account(transaction, admin_id, scope=admin.client_ids)
        link = await reset_admin(transaction, account, actor=admin.actor, at=services.clock.now())
    return _link(request, link)


@router.post("/{admin_id}/unlock", summary="Let a locked admin try again", response_model=AdminItem)
async def unlock(request: Request, admin_id: AdminId) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=OWNERS, is_scoped=True)
    check_id(admin_id, "admin")
    async with services.database.write() as transaction:
        account = await find_account(transaction, admin_id, scope=admin.client_ids)
        await unlock_admin(transaction, account, actor=admin.actor, at=services.clock.now())
        return _item(await find_account(transaction, admin_id))


def _check_clients(admin: SignedIn, client_ids: list[str] | None) -> None:
    """Nobody gives away more than they have. Raises 403 and 404."""
    if client_ids is None and admin.client_ids is not None:
        raise Problem(403, "installation_only", "Name the clients: you do not operate the installation.")
    if client_ids is not None and not client_ids:
        raise Problem(422, "request_invalid", "The request does not fit: client_ids names no client.")
    for client_id in client_ids or ():
        admin.check_client(client_id)


def _item(account: Account) -> AdminItem:
    row = account.row
    return AdminItem(
        id=row.id,
        email=row.email,
        role=row.role,
        client_ids=None if account.client_ids is None else sorted(account.client_ids),
        is_active=row.is_active,
        has_second_factor=row.totp_secret is not None,
        has_password=row.password_hash is not None,
        is_linked=row.is_linked,
        locked_until=row.locked_until,
        created_at=row.created_at,
    )


def _link(request: Request, link: Link) -> AdminLinkItem:
    services: Services = request.app.state.services
    base = services.settings.public_url or str(request.base_url)
    return AdminLinkItem(url=link.url(base), expires_at=link.expires_at)
