"""The catalog of models and their prices, as an admin sees and sets them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.providers.catalog import list_models, price_state, set_price
from csai.providers.choice import ModelRef
from csai.providers.schemas import Models, PriceChange, PriceState
from csai.services import Services

router = APIRouter(prefix="/admin/models", tags=["admin: models"], responses=ADMIN_PROBLEMS)


@router.get("", summary="The models that could be chosen, and their prices", response_model=Models)
async def models(
    request: Request,
    provider: Annotated[str, Query(max_length=50, description="Only of this one.")] = "",
    search: Annotated[str, Query(max_length=200, description="Only with this in their names.")] = "",
    unpriced: Annotated[bool, Query(description="Only those whose price nobody knows.")] = False,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    async with services.database.read() as connection:
        found = await list_models(
            connection,
            registry=services.registry,
            defaults=services.settings.price_overrides,
            provider=provider,
            search=search,
            is_unpriced=unpriced,
            at=services.clock.now(),
        )
    return {"models": found}


@router.get(
    "/{provider}/{model:path}/price", summary="A model's price, and what was set", response_model=PriceState
)
async def price(request: Request, response: Response, provider: str, model: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _state(services, response, ModelRef(provider, model))


@router.put(
    "/{provider}/{model:path}/price",
    summary="Set a model's price from a moment on",
    response_model=PriceState,
    openapi_extra={**body_of(PriceChange), **IF_MATCH},
)
async def change(request: Request, response: Response, provider: str, model: str) -> Any:
    """For all clients, from their next turn on. What is booked already keeps the price it was booked with."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, PriceChange, max_bytes=services.settings.max_body_bytes)
    ref = ModelRef(provider, model)
    async with services.database.write() as transaction:
        await set_price(
            transaction,
            ref,
            asked,
            tags=tags,
            registry=services.registry,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _state(services, response, ref)


async def _state(services: Services, response: Response, ref: ModelRef) -> PriceState:
    async with services.database.read() as connection:
        return tagged(
            response,
            *await price_state(
                connection,
                ref,
                registry=services.registry,
                defaults=services.settings.price_overrides,
                at=services.clock.now(),
            ),
        )
