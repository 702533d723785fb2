"""What models cost a client, and the installation, as an admin reads it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.services import Services
from csai.usage.schemas import ClientUsage, InstallationUsage, UsageHistory
from csai.usage.service import client_export, client_history, client_usage, installation_usage, span_of

router = APIRouter(prefix="/admin", tags=["admin: usage"], responses=ADMIN_PROBLEMS)

First = Annotated[
    dt.date | None, Query(description="The first day, in UTC; 30 days back where it is left out.")
]
Last = Annotated[dt.date | None, Query(description="The last day; today where it is left out.")]


@router.get("/clients/{client_id}/usage", summary="What a client's models cost", response_model=ClientUsage)
async def of_client(request: Request, client_id: str, first: First = None, last: Last = None) -> Any:
    """From the ledger, by provider and model."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    span = span_of(first, last, today=_today(services))
    async with services.database.read() as connection:
        return await client_usage(connection, client_id, span)


@router.get(
    "/clients/{client_id}/usage/history",
    summary="What a client's models cost by day",
    response_model=UsageHistory,
)
async def history(request: Request, client_id: str, first: First = None, last: Last = None) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    span = span_of(first, last, today=_today(services))
    async with services.database.read() as connection:
        return await client_history(connection, client_id, span)


@router.get(
    "/clients/{client_id}/usage/export",
    summary="The same as CSV, a line for each day and model",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "With a line of names."}},
)
async def export(request: Request, client_id: str, first: First = None, last: Last = None) -> Response:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    span = span_of(first, last, today=_today(services))
    async with services.database.read() as connection:
        text = await client_export(connection, client_id, span)
    name = f"usage-{span.first}-{span.last}.csv"
    return Response(
        text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get(
    "/usage/providers",
    summary="What models cost the installation, by provider and by client",
    response_model=InstallationUsage,
)
async def of_installation(request: Request, first: First = None, last: Last = None) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    span = span_of(first, last, today=_today(services))
    async with services.database.read() as connection:
        return await installation_usage(connection, span)


def _today(services: Services) -> dt.date:
    return services.clock.now().astimezone(dt.UTC).date()
