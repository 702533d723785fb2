"""A client's tools as an admin sees, switches and tries them, and what their calls came to."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.clients.switch import switch_tool, tool_obstacles
from csai.kit.body import read_model
from csai.kit.identifier import check_id, is_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.services import Services
from csai.tools.execution_repository import ToolLog, ToolStatistics
from csai.tools.invocation import timeout_s
from csai.tools.repository import CatalogRow, SwitchedTool, ToolRepository
from csai.tools.schemas import (
    Calls,
    CallStatus,
    ClientTool,
    ClientTools,
    ToolChange,
    ToolTrial,
    TrialOutcome,
)
from csai.tools.trial import Trial, try_tool

router = APIRouter(prefix="/admin/clients/{client_id}", tags=["admin: tools"], responses=ADMIN_PROBLEMS)

DAYS = 30
MAX_PAGE = 100


@router.get("/tools", summary="Every tool of the catalog as the client has it", response_model=ClientTools)
async def client_tools(request: Request, client_id: str) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    return {"tools": await _tools(services, client_id)}


@router.patch(
    "/tools/{tool_name}",
    summary="Switch a tool for a client, and say where it is answered",
    response_model=ClientTool,
    openapi_extra=body_of(ToolChange),
)
async def change(request: Request, client_id: str, tool_name: str) -> Any:
    """It holds from the client's next turn on, in every process."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, ToolChange, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.write() as transaction:
        await ClientRepository(transaction, client_id).get()
        await switch_tool(
            transaction,
            client_id,
            tool_name,
            enabled=asked.enabled,
            webhook_url=asked.webhook_url,
            timeout_s=asked.timeout_s,
            clock=services.clock,
            actor=admin.actor,
        )
    (tool,) = [each for each in await _tools(services, client_id) if each["name"] == tool_name]
    return tool


@router.post(
    "/tools/{tool_name}/test",
    summary="Run a tool once, as a turn would",
    response_model=TrialOutcome,
    openapi_extra=body_of(ToolTrial),
)
async def test(request: Request, client_id: str, tool_name: str) -> Any:
    """A tool that changes something runs only with `may_act`. Neither metered nor in the log of calls."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked = await read_model(request, ToolTrial, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    outcome = await try_tool(
        Trial(tool_name, asked.arguments, asked.visitor_id, asked.may_act),
        client_id,
        database=services.database,
        views=services.views,
        actor=admin.actor,
        clock=services.clock,
    )
    return {
        "status": outcome.status,
        "response": outcome.response,
        "duration_ms": outcome.duration_ms,
    }


@router.get("/tool-calls", summary="The client's tool calls, newest first", response_model=Calls)
async def calls(
    request: Request,
    client_id: str,
    tool: Annotated[str | None, Query(max_length=64, description="Only of this tool.")] = None,
    status: Annotated[CallStatus | None, Query(description="Only those that ended so.")] = None,
    before: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    count: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    if before is not None and not is_id(before):
        raise Problem(422, "request_invalid", "`before` is the `next` of an earlier page.")
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        rows = await ToolLog(connection, client_id).page(
            tool_name=tool, status=status, before=before, count=count + 1
        )
    page = rows[:count]
    return {
        "calls": [asdict(row) for row in page],
        "next": page[-1].id if len(rows) > count else None,
    }


async def _tools(services: Services, client_id: str) -> list[dict[str, Any]]:
    since = services.clock.now() - timedelta(days=DAYS)
    async with services.database.read() as connection:
        client = ClientRepository(connection, client_id)
        await client.get()
        plugins = await client.plugins()
        repository = ToolRepository(connection, client_id)
        catalog, switched = await repository.all(), await repository.switched()
        done = {row.tool_name: row for row in await ToolLog(connection, client_id).statistics(since=since)}
    obstacles = {
        name: tool_obstacles(
            tool,
            client_id,
            plugins=plugins,
            registry=services.registry,
            on_by_default=services.settings.plugins_on_by_default,
        )
        for name, tool in switched.items()
        if tool.enabled
    }
    return [
        _tool(row, switched.get(row.tool_name), obstacles.get(row.tool_name, []), done.get(row.tool_name))
        for row in catalog
    ]


def _tool(
    row: CatalogRow, had: SwitchedTool | None, obstacles: list[str], done: ToolStatistics | None
) -> dict[str, Any]:
    ran = done.succeeded + done.failed + done.unknown if done else 0
    return {
        "name": row.tool_name,
        "description": row.description,
        "category": row.category,
        "backend": row.backend,
        "plugin": row.plugin,
        "read_only": row.read_only,
        "private": row.private,
        "confirm": row.confirm,
        "parameters_schema": row.parameters_schema,
        "enabled": had is not None and had.enabled,
        "has_webhook": had is not None and had.webhook_url is not None,
        "timeout_s": timeout_s(had.config if had else {}),
        "obstacles": obstacles,
        "calls": done.calls if done else 0,
        "success_rate": round(done.succeeded / ran, 4) if done and ran else None,
        "mean_ms": done.mean_ms if done else None,
        "longest_ms": done.longest_ms if done else None,
    }
