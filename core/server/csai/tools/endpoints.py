"""A client's tools as an admin sees, switches and tries them, and what their calls came to."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from csai.admins.service import READERS
from csai.clients.repository import ClientRepository
from csai.clients.switch import switch_tool, tool_obstacles
from csai.kit.body import read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.page import Before, check_before, page_of
from csai.kit.precondition import IF_MATCH, read_change, tag_of, tagged
from csai.services import Services
from csai.tools.execution_repository import ToolLog, ToolStatistics
from csai.tools.invocation import timeout_s
from csai.tools.listing_repository import ListingRepository
from csai.tools.repository import CatalogRow, SwitchedTool, ToolRepository, tool_state
from csai.tools.schemas import (
    Calls,
    CallStatus,
    ClientTool,
    ClientTools,
    ToolChange,
    ToolListings,
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
    tools = await _tools(services, client_id)
    async with services.database.read() as connection:
        return {"tools": tools, "sources": await ListingRepository(connection, client_id).sources()}


@router.patch(
    "/tools/{tool_name}",
    summary="Switch a tool for a client, and say where it is answered",
    response_model=ClientTool,
    openapi_extra={**body_of(ToolChange), **IF_MATCH},
)
async def change(request: Request, response: Response, client_id: str, tool_name: str) -> Any:
    """It holds from the client's next turn on, in every process.

    `If-Match` names the `tag` of what was looked at: refused with 412 where the tool is no longer that.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    asked, tags = await read_change(request, ToolChange, max_bytes=services.settings.max_body_bytes)
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
            tags=tags,
            flags={
                name: value
                for name, value in (("confirm", asked.confirm), ("private", asked.private))
                if value is not None
            },
            clock=services.clock,
            actor=admin.actor,
        )
    (tool,) = [each for each in await _tools(services, client_id) if each["name"] == tool_name]
    return tagged(response, tool, tool["tag"])


@router.post(
    "/tools/refresh",
    summary="List the tools of the client's own systems anew",
    response_model=ToolListings,
)
async def refresh(request: Request, client_id: str) -> Any:
    """Done by itself when settings change, when a system says that its tools did, and once an hour.

    New tools are off. One that has changed, or is gone, is not used any more until it is switched on again,
    or is back as it was.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request)
    check_id(client_id, "client")
    changes = await services.listings.refresh(client_id, actor=admin.actor)
    return {"sources": [asdict(change) for change in changes]}


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
    before: Before = None,
    count: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    check_before(before)
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        rows = await ToolLog(connection, client_id).page(
            tool_name=tool, status=status, before=before, count=count + 1
        )
    page, earlier = page_of(rows, count, mark=lambda row: row.id)
    return {"calls": [asdict(row) for row in page], "next": earlier}


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
        "tag": tag_of(tool_state(row, had)),
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
        "source": row.source,
        "fingerprint": row.fingerprint,
        "gone": row.gone,
        "changed": had is not None and had.is_changed,
        "obstacles": obstacles,
        "calls": done.calls if done else 0,
        "success_rate": round(done.succeeded / ran, 4) if done and ran else None,
        "mean_ms": done.mean_ms if done else None,
        "longest_ms": done.longest_ms if done else None,
    }
