"""What invoices are made from and paid by: a plan's price, and how a client pays."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from csai.admins.service import READERS
from csai.billing.money import to_amount
from csai.billing.payer import client_payer, set_payer
from csai.billing.price import PlanPrice, checked_price, plan_price, set_plan_price
from csai.billing.schemas import PayerChange, PayerState, PlanItem, PlanList, PlanPriceChange, PlanPriceState
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.providers.repository import PlanRow, installation_plans
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: billing"], responses=ADMIN_PROBLEMS)


@router.get("/plans", summary="The plans, what they cost and who is on them", response_model=PlanList)
async def plans(request: Request) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    async with services.database.read() as connection:
        rows = await installation_plans(connection)
    return {"plans": [_plan(row) for row in rows]}


@router.get("/plans/{plan}/price", summary="What a plan costs", response_model=PlanPriceState)
async def price(request: Request, response: Response, plan: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _price(services, response, plan)


@router.put(
    "/plans/{plan}/price",
    summary="Say what a plan costs",
    response_model=PlanPriceState,
    openapi_extra={**body_of(PlanPriceChange), **IF_MATCH},
)
async def change_price(request: Request, response: Response, plan: str) -> Any:
    """For invoices made from now on."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, PlanPriceChange, max_bytes=services.settings.max_body_bytes)
    wanted = checked_price(base=asked.base, currency=asked.currency, usage_rate=asked.usage_rate)
    async with services.database.write() as transaction:
        await set_plan_price(transaction, plan, wanted, tags=tags, clock=services.clock, actor=admin.actor)
    return await _price(services, response, plan)


@router.get("/clients/{client_id}/payer", summary="How the client pays", response_model=PayerState)
async def payer(request: Request, response: Response, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _payer(services, response, client_id)


@router.put(
    "/clients/{client_id}/payer",
    summary="Say how the client pays",
    response_model=PayerState,
    openapi_extra={**body_of(PayerChange), **IF_MATCH},
)
async def change_payer(request: Request, response: Response, client_id: str) -> Any:
    """What is left out is taken back. It holds from the next charge on."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, PayerChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await set_payer(
            transaction,
            client_id,
            asked.model_dump(),
            gateways=services.billing.gateways.names,
            tags=tags,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _payer(services, response, client_id)


async def _price(services: Services, response: Response, plan: str) -> PlanPriceState:
    async with services.database.read() as connection:
        found, tag = await plan_price(connection, plan)
    return tagged(response, PlanPriceState(plan=plan, **_amounts(found)), tag)


def _plan(row: PlanRow) -> PlanItem:
    return PlanItem(
        plan=row.name,
        title=row.title,
        clients=row.clients,
        limits=dict(row.limits),
        **_amounts(PlanPrice.of(row.features)),
    )


def _amounts(price: PlanPrice) -> dict[str, Any]:
    return {
        "base": to_amount(price.base_micros),
        "currency": price.currency,
        "usage_rate": to_amount(price.usage_rate_micros),
    }


async def _payer(services: Services, response: Response, client_id: str) -> PayerState:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        state, tag = await client_payer(connection, client_id)
    return tagged(response, PayerState(**state, gateways=sorted(services.billing.gateways.names)), tag)
