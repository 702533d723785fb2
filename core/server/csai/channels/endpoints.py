"""Webhooks of channels: verified, stored, answered at once; what is to be done is done afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog
from csai_sdk import WebhookForged, WebhookRequest
from fastapi import APIRouter, Request
from fastapi.responses import Response

from csai.channels.account import webhook_path
from csai.channels.inbox import Inbox
from csai.channels.line import Line, LineClosed
from csai.channels.repository import Addressed, addressed
from csai.kit.body import read_body
from csai.kit.openapi import PROBLEMS
from csai.kit.problem import Problem, not_found
from csai.services import Services

router = APIRouter(prefix="/channels", tags=["channels"])
log = structlog.get_logger(__name__)
T = TypeVar("T")

READING_S = 10.0


@router.post(
    "/{channel}/{account}/webhook",
    summary="Where a channel's vendor delivers messages and statuses",
    description=(
        "Verified by the vendor's signature over the raw body; what is not is 401, and nothing of it is "
        "stored. Each message is stored once, however often it is delivered."
    ),
    responses=PROBLEMS,
    response_class=Response,
)
async def deliver(request: Request, channel: str, account: str) -> Response:
    services: Services = request.app.state.services
    found = await _addressed(services, channel, account)
    body = await read_body(request, max_bytes=_max_bytes(services, channel))
    async with _opened(services, found) as line:
        delivery = _request(request, services, body)
        news = await _said(line.channel.receive(delivery, line.account, line.ctx))
    async with services.database.write() as transaction:
        inbox = Inbox(
            transaction,
            found.account.client_id,
            found.account.id,
            max_chars=services.settings.max_message_chars,
            now=services.clock.now(),
        )
        await inbox.take(news)
    services.jobs.wake()
    media_type, content = line.channel.webhook_answer
    return Response(content, media_type=media_type)


@router.get(
    "/{channel}/{account}/webhook",
    summary="Where a channel's vendor asks whether the webhook is its client's",
    responses=PROBLEMS,
    response_class=Response,
)
async def challenge(request: Request, channel: str, account: str) -> Response:
    services: Services = request.app.state.services
    found = await _addressed(services, channel, account)
    async with _opened(services, found) as line:
        asked = _request(request, services, b"")
        answer = await _said(line.channel.challenge(asked, line.account, line.ctx))
    # As plain text, whatever was asked for: the words are somebody else's.
    return Response(answer, media_type="text/plain")


async def _addressed(services: Services, channel: str, public_id: str) -> Addressed:
    async with services.database.read() as connection:
        found = await addressed(connection, channel, public_id)
    if found is None:
        raise not_found("webhook")
    return found


@asynccontextmanager
async def _opened(services: Services, found: Addressed) -> AsyncIterator[Line]:
    try:
        async with services.channels.lines.open(found.account, found.config_version) as line:
            yield line
    except LineClosed as closed:
        # Without its settings nothing can be verified; without its plugin there is nothing.
        raise not_found("webhook") if closed.code == "channel_off" else _forged() from None


async def _said(call: Awaitable[T]) -> T:
    """What the plugin says. It fails closed: whatever else it raises, nothing is stored."""
    try:
        async with asyncio.timeout(READING_S):
            return await call
    except WebhookForged:
        raise _forged() from None
    except (Exception, SystemExit):
        log.exception("a channel could not read a delivery")
        raise Problem(
            500, "delivery_unreadable", "The delivery could not be read; nothing of it was stored."
        ) from None


def _max_bytes(services: Services, channel: str) -> int:
    _plugin, part = services.registry.channels.get(channel, ("", None))
    return max(services.settings.max_body_bytes, part.max_delivery_bytes if part is not None else 0)


def _forged() -> Problem:
    return Problem(401, "webhook_forged", "The delivery is not signed by the account's vendor.")


def _request(request: Request, services: Services, body: bytes) -> WebhookRequest:
    path = webhook_path(request.path_params["channel"], request.path_params["account"])
    public = services.settings.public_url
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{public}{path}{query}" if public else str(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return WebhookRequest(request.method, url, headers, body)
