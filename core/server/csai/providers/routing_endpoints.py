"""Decisions about simple questions, as an admin reads them and tries others."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.kit.page import Before, check_before, page_of
from csai.providers.choice import ModelRef
from csai.providers.replay import replay_routing
from csai.providers.repository import DecisionRepository
from csai.providers.routing_schemas import RoutingDecisions, RoutingReplay
from csai.services import Services

MAX_PAGE = 200

router = APIRouter(
    prefix="/admin/clients/{client_id}/routing", tags=["admin: providers"], responses=ADMIN_PROBLEMS
)


@router.get(
    "/decisions", summary="How hard questions were judged, newest first", response_model=RoutingDecisions
)
async def decisions(
    request: Request,
    client_id: str,
    before: Before = None,
    count: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    check_before(before)
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        rows = await DecisionRepository(connection, client_id).page(before=before, count=count + 1)
    page, earlier = page_of(rows, count, mark=lambda row: row.turn_id)
    return {
        "decisions": [
            {
                **row.routing,
                "turn_id": row.turn_id,
                "accepted_at": row.accepted_at,
                "status": row.status,
            }
            for row in page
        ],
        "next": earlier,
    }


@router.get(
    "/replay", summary="Past decisions made again, and what they would cost", response_model=RoutingReplay
)
async def replay(
    request: Request,
    client_id: str,
    threshold: Annotated[
        int | None, Query(ge=0, le=100, description="The one to try; without it the client's own.")
    ] = None,
    simple: Annotated[
        str, Query(max_length=300, description="Another model for simple questions: provider/model.")
    ] = "",
    days: Annotated[int, Query(ge=1, le=366, description="How far back.")] = 30,
) -> Any:
    """Nothing is changed, and no model is asked. Turns are kept for as long as messages are."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return await replay_routing(
            connection,
            client_id,
            threshold=threshold,
            simple_model=ModelRef.parse(simple) if simple else None,
            days=days,
            registry=services.registry,
            defaults=services.settings.price_overrides,
            now=services.clock.now(),
        )
