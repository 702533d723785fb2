"""API tokens as admins make and revoke them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.account import Account, accounts, find_account
from csai.admins.api_token import create_token, revoke_token, tokens_of
from csai.admins.api_token_schemas import ApiTokenList, MadeApiToken, NewApiToken, RevokedApiToken
from csai.admins.service import OWNERS, READERS, SignedIn
from csai.kit.body import read_model
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.services import Services

router = APIRouter(prefix="/admin/tokens", tags=["admin: tokens"], responses=ADMIN_PROBLEMS)


@router.get("", summary="The API tokens of scripts", response_model=ApiTokenList)
async def listing(request: Request) -> Any:
    """Your own; an owner sees those of all admins that they see. Those that ended stay for 30 days."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    async with services.database.read() as connection:
        owners = await _visible(connection, admin)
        found = await tokens_of(connection, owners, now=services.clock.now())
    return {"tokens": [each.state() for each in found]}


@router.post(
    "",
    summary="Make an API token for a script",
    status_code=201,
    response_model=MadeApiToken,
    openapi_extra=body_of(NewApiToken),
)
async def make(request: Request) -> Any:
    """It acts for you, with no more than you may at that time. 409 `too_many_tokens` beyond 50, and
    `token_exists` where one of yours that works has the name."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    asked = await read_model(request, NewApiToken, max_bytes=services.settings.max_body_bytes)
    async with services.database.write() as transaction:
        made = await create_token(
            transaction,
            await find_account(transaction, admin.id),
            name=asked.name,
            role=asked.role,
            scope=asked.scope,
            client_ids=asked.client_ids,
            lifetime=timedelta(days=asked.expires_in_days),
            actor=admin.actor,
            at=services.clock.now(),
        )
    return {**made.listed.state(), "token": made.token}


@router.delete("/{token_id}", summary="Let an API token work no more", response_model=RevokedApiToken)
async def revoke(request: Request, token_id: Annotated[str, Path(description="The token's id.")]) -> Any:
    """404 for one that you do not see, or that has ended."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True, is_personal=True)
    async with services.database.write() as transaction:
        owners = await _visible(transaction, admin)
        await revoke_token(transaction, token_id, owners, actor=admin.actor, at=services.clock.now())
    return {"revoked": token_id}


async def _visible(connection: AsyncConnection, admin: SignedIn) -> Collection[Account]:
    """Whose tokens the admin may see: their own, and an owner those of whom they may change."""
    own = await find_account(connection, admin.id)
    if admin.role not in OWNERS:
        return [own]
    others = await accounts(connection, scope=admin.client_ids)
    return [own, *(each for each in others if each.row.id != admin.id)]
