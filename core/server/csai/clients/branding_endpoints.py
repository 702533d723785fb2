"""Branding of the widget over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.service import READERS
from csai.clients.branding import Branding, change_branding, client_branding
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: widget"], responses=ADMIN_PROBLEMS)

PATH = "/clients/{client_id}/branding"


@router.get(PATH, summary="How the client's widget looks and what it offers", response_model=Branding)
async def branding(request: Request, response: Response, client_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, client_id)


@router.put(
    PATH,
    summary="Say how the client's widget looks and what it offers",
    response_model=Branding,
    openapi_extra={**body_of(Branding), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str) -> Any:
    """As a whole: what is left out is the default again. Widgets follow within a minute.

    422 `logo_host_not_allowed` for a logo on a host that is none of the client's.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, Branding, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await change_branding(
            transaction, client_id, asked, tags=tags, clock=services.clock, actor=admin.actor
        )
    return await _state(services, response, client_id)


async def _state(services: Services, response: Response, client_id: str) -> Branding:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return tagged(response, *await client_branding(connection, client_id))
