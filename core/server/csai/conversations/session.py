"""The conversation that a request names by its session, for whoever may see it."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request

from csai.clients.access import Access
from csai.conversations.repository import ConversationRepository
from csai.conversations.schemas import SessionRef
from csai.kit.body import read_model
from csai.kit.problem import not_found
from csai.services import Services

R = TypeVar("R", bound=SessionRef)


async def referred_conversation(request: Request, model: type[R]) -> tuple[Access, R, str]:
    """Who asks, the body, and the id of the conversation that it names."""
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    asked = await read_model(request, model, max_bytes=services.settings.max_body_bytes)
    return access, asked, await _find(request, access, asked.session_id)


async def find_conversation(request: Request, session_id: str) -> tuple[Access, str]:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    return access, await _find(request, access, session_id)


async def _find(request: Request, access: Access, session_id: str) -> str:
    services: Services = request.app.state.services
    services.gate.check_session(request, access, session_id)
    async with services.database.read() as connection:
        conversation_id = await ConversationRepository(connection, access.client_id).find(session_id)
    if conversation_id is None:
        raise not_found("conversation")
    return conversation_id
