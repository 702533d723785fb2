"""Webhooks of clients' own systems: verified by their integration, answered when their effect is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from csai_sdk import ConnectionNews, Integration, PluginContext, WebhookForged, WebhookRequest
from fastapi import APIRouter, Request
from fastapi.responses import Response

from csai.integrations.freshness import Freshness
from csai.integrations.news import take_news
from csai.integrations.offer import Opener
from csai.integrations.repository import Addressed, ConnectionRow, addressed
from csai.kit.body import read_body
from csai.kit.identifier import check_id
from csai.kit.openapi import PROBLEMS
from csai.kit.problem import Problem, not_found
from csai.plugins.left import on_behalf, tasks_of
from csai.plugins.stored import SettingsFault
from csai.services import Services

router = APIRouter(prefix="/integrations", tags=["integrations"])
log = structlog.get_logger(__name__)

READING_S = 5.0
MAX_BODY_BYTES = 1_000_000
"""Orders of many items are larger than what a visitor may send."""


@router.post(
    "/{integration}/{connection}/webhook",
    summary="Where a client's own system tells what has changed in it",
    description=(
        "Verified by the system's signature over the raw body; what is not is 401, and nothing follows from "
        "it. What was read from the system is then read anew. A shop that was disconnected is switched off, "
        "and a customer to be forgotten is, once, however often it is delivered."
    ),
    responses=PROBLEMS,
    response_class=Response,
)
async def deliver(request: Request, integration: str, connection: str) -> Response:
    services: Services = request.app.state.services
    body = await read_body(request, max_bytes=MAX_BODY_BYTES)
    check_id(connection, "webhook")
    async with services.database.read() as reading:
        found = await addressed(reading, integration, connection)
    if found is None:
        raise not_found("webhook")
    news = await _read(services, found, _request(request, body))
    await take_news(
        found.client_id,
        found.row,
        news,
        database=services.database,
        freshness=Freshness(services.cache),
        clock=services.clock,
    )
    return Response()


async def _read(services: Services, found: Addressed, request: WebhookRequest) -> Sequence[ConnectionNews]:
    """In the view of the client, whose plugin may be off."""
    plugin, integration = services.registry.integrations.get(found.row.integration_type, ("", None))
    view = await services.views.get(found.client_id, found.config_version)
    services.views.hold(view)
    try:
        if integration is None or plugin not in view.contexts:
            raise not_found("webhook")
        opener = Opener(found.client_id, services.database, services.keyring, services.clock)
        return await _received(request, found.row, integration, opener, view.contexts[plugin])
    finally:
        await services.views.release(view)


async def _received(
    request: WebhookRequest, row: ConnectionRow, integration: Integration, opener: Opener, ctx: PluginContext
) -> Sequence[ConnectionNews]:
    """It fails closed, whatever a plugin does."""
    try:
        with on_behalf(tasks_of(ctx)):
            async with asyncio.timeout(READING_S):
                return list(await integration.receive(request, opener.open(row, integration), ctx))
    except (WebhookForged, SettingsFault):
        raise Problem(
            401, "webhook_forged", "The delivery is not signed by the connection's system."
        ) from None
    except (Exception, SystemExit):
        log.exception("an integration could not read a delivery", integration=row.id)
        raise Problem(
            500, "delivery_unreadable", "The delivery could not be read; nothing follows from it."
        ) from None


def _request(request: Request, body: bytes) -> WebhookRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return WebhookRequest(request.method, str(request.url), headers, body)
