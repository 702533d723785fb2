"""Clients over HTTP, for whoever operates the installation: listed, made, changed, switched off."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.clients.list_repository import (
    ClientFilter,
    ListedRow,
    UsedRow,
    counted_clients,
    listed_clients,
    used_by,
)
from csai.clients.profile import ProfileChange, change_profile, client_profile, set_status, stored_setting
from csai.clients.schemas import (
    ClientChange,
    ClientPage,
    ClientProfile,
    ClientSort,
    ClientStatistics,
    ClientStatus,
    ListedClient,
    MadeClient,
    NewClientBody,
)
from csai.clients.service import create_client, embed_code
from csai.clients.statistics import client_statistics
from csai.kit.body import read_model
from csai.kit.cursor import Cursor, read_place
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.precondition import IF_MATCH, read_change, tagged
from csai.kit.text import clean
from csai.services import Services
from csai.usage.repository import Span
from csai.usage.service import span_of, usd

router = APIRouter(prefix="/admin/clients", tags=["admin: clients"], responses=ADMIN_PROBLEMS)

DAYS = 30


@router.get("", summary="Clients, searched, filtered and sorted", response_model=ClientPage)
async def clients(
    request: Request,
    search: Annotated[
        str,
        Query(
            max_length=200,
            description="A part of the name or domain, an id, or the last characters of a key.",
            examples=["shop"],
        ),
    ] = "",
    status: Annotated[ClientStatus | None, Query(description="Only those.")] = None,
    plan: Annotated[str | None, Query(max_length=50, description="Only of this plan.")] = None,
    sort: Annotated[ClientSort, Query(description="With a minus the last comes first.")] = "name",
    after: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True)
    asked = ClientFilter(admin.client_ids, clean(search.strip()), status, plan and clean(plan))
    since = Span.until(services.clock.now(), days=DAYS).first
    place = read_place(after, order=sort)
    async with services.database.read() as connection:
        rows = await listed_clients(connection, asked, sort=sort, after=place, count=limit + 1)
        counts = await counted_clients(connection, asked)
        used = await used_by(connection, [row.id for row in rows], since=since)
    page = rows[:limit]
    return {
        "clients": [_listed(row, used.get(row.id, UsedRow())) for row in page],
        "counts": {"active": counts.get("active", 0), "inactive": counts.get("inactive", 0)},
        "next": str(page[-1].place(sort)) if len(rows) > limit else None,
    }


@router.post(
    "",
    summary="Make a client; its keys are shown this once",
    response_model=MadeClient,
    status_code=201,
    openapi_extra=body_of(NewClientBody),
)
async def create(request: Request) -> Any:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, NewClientBody, max_bytes=services.settings.max_body_bytes)
    async with services.database.write() as transaction:
        made = await create_client(
            transaction,
            name=asked.name,
            origins=asked.origins,
            domain=asked.domain,
            plan_type=asked.plan,
            keyring=services.keyring,
            clock=services.clock,
            actor=admin.actor,
        )
    return {
        "id": made.id,
        "publishable_key": made.publishable_key,
        "secret_key": made.secret_key,
        "identity_secret": made.identity_secret,
        "embed_code": embed_code(services.settings.public_url, made.publishable_key),
    }


@router.get("/{client_id}", summary="A client and its settings", response_model=ClientProfile)
async def client(request: Request, response: Response, client_id: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    return await _profile(services, response, client_id)


@router.patch(
    "/{client_id}",
    summary="Change a client's name, domain, origins and settings",
    response_model=ClientProfile,
    openapi_extra={**body_of(ClientChange), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str) -> Any:
    """All of it or nothing; it holds from the client's next turn on, in every process."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ClientChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await change_profile(
            transaction,
            client_id,
            _change(asked),
            tags=tags,
            providers=services.registry.providers.keys(),
            default_provider=services.settings.llm_provider,
            clock=services.clock,
            actor=admin.actor,
        )
    return await _profile(services, response, client_id)


@router.post("/{client_id}/deactivate", summary="Refuse all of a client's keys", response_model=ClientProfile)
async def deactivate(request: Request, response: Response, client_id: str) -> Any:
    """From the next request on: 403 `client_inactive`. Nothing is deleted. Repeating it changes nothing."""
    return await _switch(request, response, client_id, "inactive")


@router.post("/{client_id}/activate", summary="Let a client's keys work again", response_model=ClientProfile)
async def activate(request: Request, response: Response, client_id: str) -> Any:
    """Repeating it changes nothing."""
    return await _switch(request, response, client_id, "active")


@router.get(
    "/{client_id}/statistics", summary="What a client's chat came to, by day", response_model=ClientStatistics
)
async def statistics(
    request: Request,
    client_id: str,
    first: Annotated[dt.date | None, Query(description="In UTC; 30 days back where it is left out.")] = None,
    last: Annotated[dt.date | None, Query(description="Today where it is left out.")] = None,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    span = span_of(first, last, today=services.clock.now().astimezone(dt.UTC).date())
    async with services.database.read() as connection:
        return await client_statistics(connection, client_id, span)


async def _switch(
    request: Request, response: Response, client_id: str, status: ClientStatus
) -> ClientProfile:
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await set_status(transaction, client_id, status, clock=services.clock, actor=admin.actor)
    return await _profile(services, response, client_id)


async def _profile(services: Services, response: Response, client_id: str) -> ClientProfile:
    check_id(client_id, "client")
    async with services.database.read() as connection:
        return tagged(response, *await client_profile(connection, client_id, services.settings))


def _change(asked: ClientChange) -> ProfileChange:
    settings = asked.settings.model_dump(exclude_unset=True) if asked.settings else {}
    return ProfileChange(
        name=asked.name,
        domain=asked.domain,
        origins=asked.origins,
        # In the order of the fields: a model belongs to the provider that is set with it.
        settings={name: stored_setting(name, value) for name, value in settings.items()},  # type: ignore[misc]
    )


def _listed(row: ListedRow, used: UsedRow) -> ListedClient:
    return ListedClient(
        id=row.id,
        name=row.name,
        domain=row.domain,
        plan=row.plan,
        status="active" if row.status == "active" else "inactive",
        created_at=row.created_at,
        last_activity_at=row.last_activity_at,
        conversations=used.conversations,
        messages=used.messages,
        cost=usd(used.cost_micros),
    )
