"""Conversations over HTTP: read back, downloaded, ended."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from csai.clients.offer import check_offered
from csai.conversations.repository import ConversationRepository
from csai.conversations.schemas import Ended, History, SessionRef, message_json
from csai.conversations.session import find_conversation, referred_conversation
from csai.conversations.transcript import FORMATS, POLICY, Format, transcript
from csai.handoffs.repository import HandoffRepository, mark_of
from csai.kit.openapi import PROBLEMS, body_of
from csai.kit.streaming import begun
from csai.services import Services
from csai.tools.asking import still_asked

router = APIRouter(prefix="/chat", tags=["chat"])

HISTORY_PAGE = 100


@router.get(
    "/history/{session_id}",
    summary="Read a conversation back",
    response_model=History,
    responses=PROBLEMS,
)
async def history(
    request: Request,
    session_id: str,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before.")] = 0,
) -> Any:
    services: Services = request.app.state.services
    access, conversation_id = await find_conversation(request, session_id)
    async with services.database.read() as connection:
        repository = ConversationRepository(connection, access.client_id)
        rows = await repository.messages(conversation_id, after=after, count=HISTORY_PAGE + 1)
        handed = await HandoffRepository(connection, access.client_id).get(conversation_id)
    asked = await still_asked(services.database, access.view, session_id, now=services.clock.now())
    page = rows[:HISTORY_PAGE]
    if page and not access.is_secret:
        await services.follow_ups.read(access.client_id, conversation_id, page[-1].seq)
    return {
        "messages": [message_json(row) for row in page],
        "next": page[-1].seq if len(rows) > HISTORY_PAGE else None,
        "state": handed.state,
        "teammate": handed.teammate,
        "live_id": str(mark_of(handed, seq=page[-1].seq if page else after)),
        "confirmations": asked,
    }


@router.get(
    "/transcript/{session_id}",
    summary="Download a conversation as text, HTML or JSON",
    description=(
        "What the visitor saw, oldest first, as a file: `text`, an `html` page that loads and runs nothing, "
        "or `json` with the messages as in the history. With a page's key 403 `not_offered` where the "
        "client's branding has it switched off."
    ),
    response_class=StreamingResponse,
    responses={
        **PROBLEMS,
        200: {
            "description": "The file.",
            "content": {written.media_type: {} for written in FORMATS.values()},
        },
    },
)
async def transcript_file(
    request: Request,
    session_id: str,
    form: Annotated[Format, Query(alias="format", description="What kind of file.")] = "text",
) -> Response:
    services: Services = request.app.state.services
    access, conversation_id = await find_conversation(request, session_id)
    check_offered(access, "transcript")
    written = FORMATS[form]
    pieces = transcript(
        services.database,
        access.client_id,
        conversation_id,
        client_name=access.view.client.name,
        form=form,
    )
    return StreamingResponse(
        await begun(pieces),
        media_type=written.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="conversation.{written.extension}"',
            "Content-Security-Policy": f"{POLICY}; sandbox",
            "Cache-Control": "no-store",
        },
    )


@router.post(
    "/end",
    summary="End a conversation; a later message is refused with 409",
    response_model=Ended,
    responses=PROBLEMS,
    openapi_extra=body_of(SessionRef),
)
async def end(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, conversation_id = await referred_conversation(request, SessionRef)
    async with services.database.write() as transaction:
        if await ConversationRepository(transaction, access.client_id).end(
            conversation_id, now=services.clock.now()
        ):
            await services.outbox.ended(access.client_id, asked.session_id).run(transaction)
    await services.feed.wake.tell(conversation_id)
    return {"session_id": asked.session_id, "status": "ended"}
