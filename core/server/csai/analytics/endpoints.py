"""The dashboard, of the installation and of one client."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from csai.admins.service import READERS
from csai.analytics.repository import ClientIds
from csai.analytics.schemas import Dashboard
from csai.analytics.service import dashboard
from csai.clients.repository import ClientRepository
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: dashboard"], responses=ADMIN_PROBLEMS)

Days = Annotated[Literal["7", "30", "90"], Query(description="Days that charts and tables are of.")]


@router.get("/dashboard", summary="What the installation does, at a glance", response_model=Dashboard)
async def of_installation(request: Request, days: Days = "7") -> Any:
    """Whoever is bound to clients sees what those do."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True)
    return await _dashboard(services, admin.client_ids, int(days))


@router.get(
    "/clients/{client_id}/dashboard", summary="What one client does, at a glance", response_model=Dashboard
)
async def of_client(request: Request, client_id: str, days: Days = "7") -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
    return await _dashboard(services, [client_id], int(days))


async def _dashboard(services: Services, client_ids: ClientIds, days: int) -> Dashboard:
    async with services.database.read() as connection:
        return await dashboard(
            connection,
            client_ids,
            days=days,
            registry=services.registry,
            now=services.clock.now(),
        )
