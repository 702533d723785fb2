"""Teammates' side of conversations over HTTP: looking through them, taking one, answering, leaving it."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request

from csai.admins.service import READERS, SPEAKERS, SignedIn
from csai.clients.repository import ClientRepository
from csai.conversations.list_repository import (
    ORDER,
    ConversationFilter,
    ConversationList,
    ListedConversation,
)
from csai.conversations.repository import ConversationRepository
from csai.conversations.schemas import message_json
from csai.handoffs.desk_repository import DeskRepository, DeskRow
from csai.handoffs.desk_schemas import (
    Claim,
    ConversationPage,
    ConversationSummary,
    ConversationView,
    Release,
    TeammateWords,
)
from csai.handoffs.schemas import Said, State
from csai.kit.body import check_words, read_model
from csai.kit.cursor import Cursor, read_place
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.page import page_of
from csai.plugins.view import ClientView
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/conversations",
    tags=["admin: conversations"],
    responses=ADMIN_PROBLEMS,
)

B = TypeVar("B", Claim, Release, TeammateWords)

PAGE = 100


@router.get("", summary="The client's conversations, last spoken in first", response_model=ConversationPage)
async def conversations(
    request: Request,
    client_id: str,
    state: Annotated[State | None, Query(description="Only those: `queued` wait for a teammate.")] = None,
    before: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    place = read_place(before, order=ORDER)
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        asked = ConversationFilter(clients=(client_id,), state=state)
        rows = await ConversationList(connection, asked).page(after=place, count=limit + 1)
    page, earlier = page_of(rows, limit, mark=lambda row: str(row.place))
    return {"conversations": [_summary(row) for row in page], "next": earlier}


@router.get("/{conversation_id}", summary="A conversation and what was said", response_model=ConversationView)
async def conversation(
    request: Request,
    client_id: str,
    conversation_id: str,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before.")] = 0,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        row = await DeskRepository(connection, client_id).get(conversation_id)
        said = await ConversationRepository(connection, client_id).messages(
            conversation_id, after=after, count=PAGE + 1
        )
    page = said[:PAGE]
    return {
        "conversation": _summary(row),
        "messages": [message_json(each) for each in page],
        "next": page[-1].seq if len(said) > PAGE else None,
    }


@router.post(
    "/{conversation_id}/claim",
    summary="Take a conversation: the AI says no more",
    response_model=ConversationSummary,
    openapi_extra=body_of(Claim),
)
async def claim(request: Request, client_id: str, conversation_id: str) -> Any:
    """Repeating it changes nothing. 409 `claimed` where another teammate has it, `conversation_ended` after
    its end."""
    services: Services = request.app.state.services
    admin, asked, view, row = await _asked(request, client_id, conversation_id, Claim)
    await services.handoffs.claim(
        view,
        row.session_id,
        row.id,
        teammate=asked.teammate,
        is_takeover=asked.is_takeover,
        actor=admin.actor,
    )
    return await _again(services, client_id, conversation_id)


@router.post(
    "/{conversation_id}/release",
    summary="Leave a conversation to the AI, or to the next teammate",
    response_model=ConversationSummary,
    openapi_extra=body_of(Release),
)
async def release(request: Request, client_id: str, conversation_id: str) -> Any:
    """Repeating it changes nothing. 409 `conversation_ended` after its end."""
    services: Services = request.app.state.services
    admin, asked, view, row = await _asked(request, client_id, conversation_id, Release)
    await services.handoffs.change(view, row.session_id, row.id, asked.to, actor=admin.actor)
    return await _again(services, client_id, conversation_id)


@router.post(
    "/{conversation_id}/messages",
    summary="Say something to the visitor as a teammate",
    response_model=Said,
    openapi_extra=body_of(TeammateWords),
)
async def say(request: Request, client_id: str, conversation_id: str) -> Any:
    """The visitor who follows the conversation reads it at once; on a channel it is sent there.

    409 `not_taken_over` where no teammate has the conversation: claim it first.
    """
    services: Services = request.app.state.services
    _admin, asked, _view, row = await _asked(request, client_id, conversation_id, TeammateWords)
    check_words(asked.message, max_chars=services.settings.max_message_chars)
    said = await services.handoffs.reply(client_id, row.id, asked.message, message_id=asked.message_id)
    return {"session_id": row.session_id, "message": message_json(said)}


async def _asked(
    request: Request, client_id: str, conversation_id: str, model: type[B]
) -> tuple[SignedIn, B, ClientView, DeskRow]:
    """Who asks for what, of which client and conversation."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=SPEAKERS)
    asked = await read_model(request, model, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
        row = await DeskRepository(connection, client_id).get(conversation_id)
    return admin, asked, await services.views.get(client_id, client.config_version), row


async def _again(services: Services, client_id: str, conversation_id: str) -> ConversationSummary:
    async with services.database.read() as connection:
        return _summary(await DeskRepository(connection, client_id).get(conversation_id))


def _summary(row: DeskRow | ListedConversation) -> ConversationSummary:
    return ConversationSummary.model_validate(
        {name: getattr(row, name) for name in ConversationSummary.model_fields}
    )
