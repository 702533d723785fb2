"""Conversations of all clients over HTTP, for operators: listed, searched, exported, followed, read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from csai.admins.audit import record
from csai.admins.service import CHANGERS, ROLES
from csai.conversations.detail_repository import DetailRepository
from csai.conversations.export import exported
from csai.conversations.list_repository import ORDER, ConversationFilter, ConversationList
from csai.conversations.list_schemas import ConversationDetail, ConversationItems, ConversationQuery
from csai.conversations.list_view import feedback_view, item_of, turn_view
from csai.conversations.schemas import message_json
from csai.database import Database
from csai.kit.cursor import MAX_CHARS, read_place
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS
from csai.kit.page import page_of
from csai.kit.problem import not_found
from csai.kit.streaming import begun
from csai.services import Services

router = APIRouter(prefix="/admin/conversations", tags=["admin: conversations"], responses=ADMIN_PROBLEMS)

MESSAGES = 200


class PagedQuery(ConversationQuery):
    cursor: Annotated[str, Query(max_length=MAX_CHARS, description="`next` of the page before.")] | None = (
        None
    )
    limit: Annotated[int, Query(ge=1, le=100)] = 20


class DetailQuery(ConversationQuery):
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next_messages` of the answer before.")] = 0


@router.get(
    "",
    summary="Conversations of all clients, or of one: filtered, searched, a page at a time",
    response_model=ConversationItems,
)
async def conversations(request: Request, asked: Annotated[PagedQuery, Query()]) -> Any:
    """Pages are told apart by what they are sorted by: nothing is left out or told twice where others write
    meanwhile, but for a conversation that somebody goes on with: it moves to the beginning."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=ROLES, is_scoped=True)
    asked.check_names(request.query_params)
    place = read_place(asked.cursor, order=ORDER)
    async with services.database.read() as connection:
        listed = ConversationList(connection, asked.filter(admin.client_ids))
        rows = await listed.page(after=place, count=asked.limit + 1)
        page, later = page_of(rows, asked.limit, mark=lambda row: str(row.place))
        excerpts = await listed.excerpts([row.id for row in page])
    return {"conversations": [item_of(row, excerpts.get(row.id)) for row in page], "next": later}


@router.get(
    "/export",
    summary="The same as CSV: all that fit the filter",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "With a line of names."}},
)
async def export(request: Request, asked: Annotated[ConversationQuery, Query()]) -> Response:
    """Read a few hundred at a time, however many there are. What would be a formula is shown as text."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=CHANGERS, is_scoped=True)
    asked.check_names(request.query_params)
    wanted = asked.filter(admin.client_ids)
    async with services.database.write() as transaction:
        # Each client's own people read it in their log, and another's read nothing of it.
        for client_id in [None] if wanted.clients is None else sorted(wanted.clients):
            await record(
                transaction,
                admin.actor,
                "conversations.exported",
                object="conversations",
                client_id=client_id,
                after=asked.told(),
                at=services.clock.now(),
            )
    return StreamingResponse(
        await begun(exported(services.database, wanted)),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="conversations.csv"',
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/events",
    summary="Follow conversations as they begin and change, or one of them",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events."}},
)
async def events(
    request: Request,
    client_id: Annotated[str | None, Query(description="Only of this client.")] = None,
    conversation_id: Annotated[str | None, Query(description="Only this one, also a test.")] = None,
) -> Response:
    """`conversation.changed` carries the conversation as in the list, but for its last message. After some
    minutes the connection ends: come back, and read anew. 503 and 429 where too many follow already."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=ROLES, is_scoped=True)
    if client_id is not None:
        check_id(client_id, "client")
    asked = ConversationQuery(client_id=client_id).filter(admin.client_ids)
    if conversation_id is not None:
        await _check_there(services.database, conversation_id, asked)
    return StreamingResponse(
        services.list_feed.open(asked.clients, admin_id=admin.id, conversation_id=conversation_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/{conversation_id}",
    summary="A conversation: what was said, and what was done, spent and waited for",
    response_model=ConversationDetail,
)
async def conversation(request: Request, conversation_id: str, asked: Annotated[DetailQuery, Query()]) -> Any:
    """With the filter of a list it also tells its neighbours there."""
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=ROLES, is_scoped=True)
    asked.check_names(request.query_params)
    check_id(conversation_id, "conversation")
    async with services.database.read() as connection:
        listed = ConversationList(connection, asked.filter(admin.client_ids))
        row = await listed.get(conversation_id)
        if row is None:
            raise not_found("conversation")
        repository = DetailRepository(connection, row.client_id)
        said = await repository.messages(row.id, after=asked.after, count=MESSAGES + 1)
        page = said[:MESSAGES]
        ids = {turn_id for _message, turn_id in page if turn_id is not None}
        turns, rounds = await repository.turns(ids), await repository.rounds(ids)
        calls = await repository.calls(ids)
        shown = await repository.shown_tools({call.tool_name for call in calls})
        thoughts = await repository.feedback(row.id)
        excerpts = await listed.excerpts([row.id])
        above = await listed.page(after=row.place, count=1, is_upwards=True)
        below = await listed.page(after=row.place, count=1)
    return {
        "conversation": item_of(row, excerpts.get(row.id)),
        "messages": [{**message_json(message), "turn_id": turn_id} for message, turn_id in page],
        "turns": [turn_view(turn, rounds, calls, shown=shown) for turn in turns],
        "feedback": feedback_view(row.id, thoughts),
        "next_messages": page[-1][0].seq if len(said) > MESSAGES else None,
        "previous": above[0].id if above else None,
        "next": below[0].id if below else None,
    }


async def _check_there(database: Database, conversation_id: str, asked: ConversationFilter) -> None:
    """Raises 404."""
    check_id(conversation_id, "conversation")
    async with database.read() as connection:
        if await ConversationList(connection, asked).get(conversation_id) is None:
            raise not_found("conversation")
