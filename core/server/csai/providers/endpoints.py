"""Which models answer a client, as an admin sees and chooses them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.providers.choice import ModelRef, PlanProviders, Routing
from csai.providers.recommendation import MOST, recommend
from csai.providers.recommendation_schemas import Recommendation
from csai.providers.schemas import (
    ClientProviders,
    PlanProvidersChange,
    PlanProvidersState,
    ProvidersChange,
)
from csai.providers.service import (
    ProviderChange,
    choose_providers,
    client_providers,
    plan_providers,
    set_plan_providers,
)
from csai.services import Services
from csai.usage.repository import Span

router = APIRouter(prefix="/admin", tags=["admin: providers"], responses=ADMIN_PROBLEMS)


@router.get(
    "/clients/{client_id}/providers",
    summary="Which models answer the client, and because of what",
    response_model=ClientProviders,
)
async def providers(request: Request, response: Response, client_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _client_state(services, response, client_id)


@router.put(
    "/clients/{client_id}/providers",
    summary="Choose which models answer the client",
    response_model=ClientProviders,
    openapi_extra={**body_of(ProvidersChange), **IF_MATCH},
)
async def choose(request: Request, response: Response, client_id: str) -> Any:
    """It holds from the client's next turn on, in every process. What is left out is taken back.

    409 `plan_chooses` where the plan leaves no choice, 422 `model_not_allowed` for what it does not allow.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ProvidersChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await choose_providers(
            transaction,
            client_id,
            ProviderChange(
                tuple(map(ModelRef.parse, asked.chain)),
                _routing(asked.routing.simple, asked.routing.threshold) if asked.routing else None,
            ),
            tags=tags,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _client_state(services, response, client_id)


@router.get(
    "/clients/{client_id}/providers/cheaper",
    summary="Models that would have cost the client less",
    response_model=Recommendation,
)
async def cheaper(
    request: Request,
    client_id: str,
    days: Annotated[int, Query(ge=1, le=366, description="How far back, today included.")] = 30,
    count: Annotated[int, Query(ge=1, le=100)] = MOST,
) -> Any:
    """The client's own ledger at other prices. Quality is not measured."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    now = services.clock.now()
    async with services.database.read() as connection:
        return await recommend(
            connection,
            client_id,
            Span.until(now, days=days),
            views=services.views,
            registry=services.registry,
            defaults=services.settings.price_overrides,
            now=now,
            most=count,
        )


@router.get(
    "/plans/{plan}/providers",
    summary="Which models a plan offers and allows",
    response_model=PlanProvidersState,
)
async def of_plan(request: Request, response: Response, plan: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _plan_state(services, response, plan)


@router.put(
    "/plans/{plan}/providers",
    summary="Say which models a plan offers and allows",
    response_model=PlanProvidersState,
    openapi_extra={**body_of(PlanProvidersChange), **IF_MATCH},
)
async def change_plan(request: Request, response: Response, plan: str) -> Any:
    """For every client on the plan, from its next turn on: what it chose and may no longer use is skipped."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, PlanProvidersChange, max_bytes=services.settings.max_body_bytes)
    changed = PlanProviders(
        chain=tuple(map(ModelRef.parse, asked.chain)),
        models=None if asked.models is None else tuple(asked.models),
        may_choose=asked.may_choose,
        routing=_routing(asked.simple, asked.threshold),
    )
    async with services.database.write() as transaction:
        await set_plan_providers(
            transaction,
            plan,
            changed,
            tags=tags,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _plan_state(services, response, plan)


def _routing(simple: list[str], threshold: int) -> Routing:
    return Routing(tuple(map(ModelRef.parse, simple)), threshold)


async def _client_state(services: Services, response: Response, client_id: str) -> ClientProviders:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return tagged(
            response,
            *await client_providers(
                connection,
                client_id,
                views=services.views,
                default_provider=services.settings.llm_provider,
            ),
        )


async def _plan_state(services: Services, response: Response, plan: str) -> PlanProvidersState:
    async with services.database.read() as connection:
        return tagged(response, *await plan_providers(connection, plan))
