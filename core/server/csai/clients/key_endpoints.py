"""A client's keys over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request

from csai.admins.service import READERS
from csai.clients.key import client_keys, replace_keys, revoke_key
from csai.clients.profile_repository import KeptKey
from csai.clients.schemas import ClientKeys, MadeKey, NewKeyBody
from csai.clients.service import embed_code
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/keys", tags=["admin: clients"], responses=ADMIN_PROBLEMS
)


@router.get("", summary="A client's keys, by their last characters", response_model=ClientKeys)
async def keys(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _keys(services, client_id)


@router.post(
    "",
    summary="Make a key in place of those of its kind",
    response_model=MadeKey,
    status_code=201,
    openapi_extra=body_of(NewKeyBody),
)
async def make(request: Request, client_id: str) -> Any:
    """The old ones go on working for `overlap_hours`, in which the new one is put in their place."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewKeyBody, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        made = await replace_keys(
            transaction,
            client_id,
            kind=asked.kind,
            overlap=timedelta(hours=asked.overlap_hours),
            clock=services.clock,
            actor=admin.actor,
        )
    is_public = asked.kind == "publishable"
    return {
        "key": made.key,
        "id": made.id,
        "old_keys_until": made.old_keys_until,
        "embed_code": embed_code(services.settings.public_url, made.key) if is_public else None,
    }


@router.delete("/{key_id}", summary="Let a key work no more, from now on", response_model=ClientKeys)
async def revoke(request: Request, client_id: str, key_id: str) -> Any:
    """Repeating it changes nothing."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await revoke_key(transaction, client_id, key_id, clock=services.clock, actor=admin.actor)
    return await _keys(services, client_id)


async def _keys(services: Services, client_id: str) -> dict[str, Any]:
    check_id(client_id, "client")
    now = services.clock.now()
    async with services.database.read() as connection:
        rows = await client_keys(connection, client_id, now=now)
    return {"keys": [_shown(row, row.is_valid(now)) for row in rows]}


def _shown(row: KeptKey, is_valid: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "hint": row.hint,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "is_valid": is_valid,
    }
