"""The shared catalog of tools, as the installation's admins look after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.admins.repository import AUDIT_ORDER, AuditFilter, AuditRepository
from csai.admins.service import READERS
from csai.analytics.duration import percentile_ms
from csai.analytics.repository import AnalyticsRepository
from csai.analytics.row import ToolRow
from csai.analytics.service import figures_of
from csai.database import Conflict
from csai.kit.body import read_model
from csai.kit.cursor import Cursor, read_place
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.page import page_of
from csai.kit.precondition import IF_MATCH, named_tags, read_change, tag_of, tagged
from csai.services import Services
from csai.tools.catalog_schemas import (
    DeletedTool,
    SchemaDraft,
    SchemaVerdict,
    SharedTool,
    SharedToolDetail,
    SharedTools,
    ToolHistory,
)
from csai.tools.repository import Catalog, CatalogRow
from csai.tools.schema import schema_faults
from csai.tools.service import (
    CatalogTool,
    ToolDefinition,
    change_tool,
    create_tool,
    delete_tool,
    shared_tool,
    tool_exists,
)

router = APIRouter(prefix="/admin/tools", tags=["admin: tools"], responses=ADMIN_PROBLEMS)

DAYS = 30
MAX_PAGE = 100


@router.get("", summary="The shared catalog, with what calls came to", response_model=SharedTools)
async def catalog(request: Request) -> Any:
    """Counts and times are of the last 30 days, of all clients that the admin may see."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True)
    async with services.database.read() as connection:
        rows = await Catalog(connection).rows()
        found = AnalyticsRepository(connection, admin.client_ids)
        done = {row.tool_name: row for row in await found.tools(_first_day(services))}
        holders = await found.holders()
    return {
        "tools": [_tool(row, done.get(row.tool_name), holders) for row in rows],
        "backends": sorted(services.registry.tool_backends),
    }


@router.post(
    "",
    status_code=201,
    summary="Add a tool to the shared catalog",
    response_model=SharedTool,
    openapi_extra=body_of(CatalogTool),
)
async def create(request: Request, response: Response) -> Any:
    """No client has it until it is switched on for one, by PATCH /admin/clients/{client_id}/tools/{name}."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, CatalogTool, max_bytes=services.settings.max_body_bytes)
    try:
        async with services.database.write() as transaction:
            await create_tool(
                transaction,
                asked,
                backends=services.registry.tool_backends.keys(),
                actor=admin.actor,
                clock=services.clock,
            )
            found = AnalyticsRepository(transaction, None)
            return await _state(services, response, transaction, found, asked.tool_name)
    except Conflict:
        raise tool_exists(asked.tool_name) from None  # somebody added it in the same moment


@router.post(
    "/schema",
    summary="Say what is wrong with a tool's schema",
    response_model=SchemaVerdict,
    openapi_extra=body_of(SchemaDraft),
)
async def check_schema(request: Request) -> Any:
    """Nothing is kept: for who writes one."""
    services: Services = request.app.state.services
    await services.admins.enter(request)
    asked = await read_model(request, SchemaDraft, max_bytes=services.settings.max_body_bytes)
    return {"faults": [asdict(fault) for fault in schema_faults(asked.parameters_schema)]}


@router.get(
    "/{tool_name}",
    summary="A shared tool, who calls it and what its days came to",
    response_model=SharedToolDetail,
)
async def detail(request: Request, response: Response, tool_name: str) -> Any:
    """The ETag is what a change names in `If-Match`."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=READERS, is_scoped=True)
    first = _first_day(services)
    async with services.database.read() as connection:
        found = AnalyticsRepository(connection, admin.client_ids)
        state = await _state(services, response, connection, found, tool_name)
        users = await found.tool_clients(tool_name, first)
        days = await found.tool_days(tool_name, first)
    return {
        **state,
        "users": [
            {**figures_of(row).model_dump(), "client_id": client_id, "name": name}
            for client_id, name, row in users
        ],
        "days": [_day(date, row) for date, row in days],
    }


@router.put(
    "/{tool_name}",
    summary="Change a shared tool",
    response_model=SharedTool,
    openapi_extra={**body_of(ToolDefinition), **IF_MATCH},
)
async def change(request: Request, response: Response, tool_name: str) -> Any:
    """It holds from the next turn on of every client that has it, in every process."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ToolDefinition, max_bytes=services.settings.max_body_bytes)
    async with services.database.write() as transaction:
        await change_tool(
            transaction,
            tool_name,
            asked,
            tags=tags,
            backends=services.registry.tool_backends.keys(),
            actor=admin.actor,
            clock=services.clock,
        )
        found = AnalyticsRepository(transaction, None)
        return await _state(services, response, transaction, found, tool_name)


@router.delete(
    "/{tool_name}",
    summary="Take a tool from the catalog, and from every client that has it",
    response_model=DeletedTool,
    openapi_extra=IF_MATCH,
)
async def delete(request: Request, tool_name: str) -> Any:
    """What was called stays in the clients' logs."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    tags = named_tags(request)
    async with services.database.write() as transaction:
        await delete_tool(transaction, tool_name, tags=tags, actor=admin.actor, clock=services.clock)
    return {"deleted": tool_name}


@router.get(
    "/{tool_name}/history", summary="What was changed about a shared tool", response_model=ToolHistory
)
async def history(
    request: Request,
    tool_name: str,
    before: Cursor = None,
    count: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> Any:
    """The tool itself, and its switches at clients."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    place = read_place(before, order=AUDIT_ORDER)
    async with services.database.read() as connection:
        await shared_tool(connection, tool_name)
        rows = await AuditRepository(connection).newest(
            AuditFilter(object=f"tool:{tool_name}"), after=place, count=count + 1
        )
    page, earlier = page_of(rows, count, mark=lambda row: str(row.place))
    events = [
        {
            "id": row.id,
            "at": row.created_at,
            "actor": row.actor_name or row.actor,
            "action": row.action,
            "client_id": row.client_id,
            "before": row.before,
            "after": row.after,
        }
        for row in page
    ]
    return {"events": events, "next": earlier}


async def _state(
    services: Services,
    response: Response,
    connection: AsyncConnection,
    found: AnalyticsRepository,
    tool_name: str,
) -> dict[str, Any]:
    """The tool as it is, with its tag in the answer's ETag."""
    row = await shared_tool(connection, tool_name)
    done = {each.tool_name: each for each in await found.tools(_first_day(services))}
    tool = _tool(row, done.get(tool_name), await found.holders())
    return tagged(response, tool, tool["tag"])


def _tool(row: CatalogRow, done: ToolRow | None, holders: dict[str, int]) -> dict[str, Any]:
    figures = figures_of(done or ToolRow(row.tool_name, 0, 0, 0, 0, 0, ()))
    return {
        **figures.model_dump(),
        "tag": tag_of(asdict(row)),
        "description": row.description,
        "category": row.category,
        "parameters_schema": row.parameters_schema,
        "backend": row.backend,
        "plugin": row.plugin,
        "read_only": row.read_only,
        "idempotent": row.idempotent,
        "private": row.private,
        "confirm": row.confirm,
        "clients": holders.get(row.tool_name, 0),
    }


def _day(date: dt.date, row: ToolRow) -> dict[str, Any]:
    return {
        "date": date,
        "calls": row.calls,
        "succeeded": row.succeeded,
        "failed": row.failed,
        "refused": row.refused,
        "unknown": row.unknown,
        "p50_ms": percentile_ms(row.durations, 50),
        "p95_ms": percentile_ms(row.durations, 95),
    }


def _first_day(services: Services) -> dt.date:
    today = services.clock.now().astimezone(dt.UTC).date()
    return today - dt.timedelta(days=DAYS - 1)
