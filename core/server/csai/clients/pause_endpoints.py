"""The kill switches over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from csai.admins.service import READERS
from csai.clients.pause import client_pause, set_pause, stop_spending
from csai.clients.pause_repository import SpendingRepository
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.services import Services

router = APIRouter(prefix="/admin", tags=["admin: pause"], responses=ADMIN_PROBLEMS)

PAUSE = "/clients/{client_id}/pause"
STOP = "/spending/stop"


class PauseState(BaseModel):
    is_paused: bool = Field(description="Whether the client's AI is off.")
    is_spending_stopped: bool = Field(description="Whether that of the whole installation is.")


class SpendingState(BaseModel):
    stopped_since: datetime | None = Field(description="null while models are called.")


@router.get(PAUSE, summary="Whether the client's AI answers", response_model=PauseState)
async def pause_state(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return await client_pause(connection, client_id)


@router.post(PAUSE, summary="Switch the client's AI off", response_model=PauseState)
async def pause(request: Request, client_id: str) -> Any:
    """From the next turn on, in every process: visitors wait for a teammate, if offered. Repeatable."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        return await set_pause(
            transaction, client_id, is_paused=True, actor=admin.actor, clock=services.clock
        )


@router.delete(PAUSE, summary="Switch the client's AI on again", response_model=PauseState)
async def resume(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        return await set_pause(
            transaction, client_id, is_paused=False, actor=admin.actor, clock=services.clock
        )


@router.get(STOP, summary="Whether models are called at all", response_model=SpendingState)
async def spending_state(request: Request) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    async with services.database.read() as connection:
        return {"stopped_since": await SpendingRepository(connection).stopped_since()}


@router.post(STOP, summary="Stop all spending on models", response_model=SpendingState)
async def stop(request: Request) -> Any:
    """Of every client, from its next turn on, in every process. Repeatable."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    async with services.database.write() as transaction:
        since = await stop_spending(transaction, is_stopped=True, actor=admin.actor, clock=services.clock)
    return {"stopped_since": since}


@router.delete(STOP, summary="Call models again", response_model=SpendingState)
async def go_on(request: Request) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    async with services.database.write() as transaction:
        since = await stop_spending(transaction, is_stopped=False, actor=admin.actor, clock=services.clock)
    return {"stopped_since": since}
