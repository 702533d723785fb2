"""The chat over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from csai.chat.replay import REPLAY_WAIT_S, Asked, check_first_key, in_flight
from csai.chat.repository import TurnRow
from csai.chat.schemas import (
    ChatMessage,
    Ended,
    History,
    ProblemDocument,
    SessionRef,
    Stopped,
    TurnAnswer,
)
from csai.chat.stream import TurnStream, public_outcome, terminal_event
from csai.chat.turn import as_json
from csai.clients.access import Access
from csai.conversations.repository import ConversationRepository, MessageRow
from csai.conversations.visitor import verified_visitor
from csai.kit.address import client_address
from csai.kit.body import read_model
from csai.kit.problem import Problem, not_found
from csai.services import Services

router = APIRouter(prefix="/chat", tags=["chat"])

SSE_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HISTORY_PAGE = 100
EVENTS_POLL_S = 0.5

_problem = {"model": ProblemDocument, "content": {"application/problem+json": {}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {**_problem, "description": "The body is no JSON."},
    401: {**_problem, "description": "The key is missing or not valid."},
    403: {**_problem, "description": "The key may not be used from this origin."},
    404: {**_problem, "description": "There is no such conversation, or its token was not shown."},
    409: {**_problem, "description": "The conversation has ended or is busy, or a repeat is in flight."},
    413: {**_problem, "description": "The body is too large."},
    422: {**_problem, "description": "The request does not fit."},
    429: {**_problem, "description": "Too many messages, or a limit of the plan is used up."},
}


def _body(model: type[Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": model.model_json_schema(ref_template="#/components/schemas/{model}")
                }
            },
        }
    }


@router.post(
    "/message",
    summary="Send a visitor's message and get the turn's outcome",
    description=(
        "Answers with JSON when the turn has ended or, with `Accept: text/event-stream`, with its events "
        "as they come. A repeat with the same `Idempotency-Key` (or `message_id`) and body gets the same "
        "outcome and costs nothing. The turn goes on when the connection is closed."
    ),
    response_model=TurnAnswer,
    responses=PROBLEMS,
    openapi_extra=_body(ChatMessage),
)
async def send_message(request: Request) -> Response:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    asked = await _read_message(request, services, access)
    stream, is_replay = await services.turns.submit(asked)
    if "text/event-stream" in request.headers.get("accept", ""):
        return _events(stream, access)
    try:
        async with asyncio.timeout(REPLAY_WAIT_S if is_replay else None):
            outcome = await stream.wait()
    except TimeoutError:
        raise in_flight() from None
    return Response(
        as_json(outcome if access.is_secret else public_outcome(outcome)), media_type="application/json"
    )


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
    rows = await _messages(request, session_id, after=after, count=HISTORY_PAGE + 1)
    page = rows[:HISTORY_PAGE]
    return {
        "messages": [
            {
                "id": row.id,
                "role": row.role,
                "author": row.author,
                "content": row.content,
                "created_at": row.timestamp.isoformat(),
            }
            for row in page
        ],
        "next": page[-1].seq if len(rows) > HISTORY_PAGE else None,
    }


@router.get(
    "/transcript/{session_id}",
    summary="Download a conversation as text",
    response_class=PlainTextResponse,
    responses=PROBLEMS,
)
async def transcript(request: Request, session_id: str) -> Response:
    services: Services = request.app.state.services
    access, conversation_id = await _conversation(request, session_id)
    names = {
        "visitor": "Visitor",
        "ai": f"{access.view.client.name} (AI)",
        "teammate": access.view.client.name,
    }
    lines: list[str] = []
    after = 0
    async with services.database.read() as connection:
        repository = ConversationRepository(connection, access.client_id)
        while page := await repository.messages(conversation_id, after=after, count=500):
            lines += [
                f"[{row.timestamp:%Y-%m-%d %H:%M} UTC] {names.get(row.author, row.author)}: {row.content}"
                for row in page
            ]
            after = page[-1].seq
    return PlainTextResponse(
        "\n\n".join(lines) + "\n",
        headers={
            "Content-Disposition": 'attachment; filename="conversation.txt"',
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/events/{session_id}",
    summary="Follow the turn that runs, or resume one after a lost connection",
    description=(
        "Server-sent events. With `Last-Event-ID` (`{turn}:{n}`) the events after that one; a turn this "
        "server no longer remembers gives only its last event. 204 when nothing runs."
    ),
    responses={
        **PROBLEMS,
        200: {"content": {"text/event-stream": {}}},
        204: {"description": "Nothing runs."},
    },
    response_class=StreamingResponse,
)
async def events(request: Request, session_id: str) -> Response:
    services: Services = request.app.state.services
    access, _conversation_id = await _conversation(request, session_id)
    turn_id, _, number = request.headers.get("last-event-id", "").partition(":")
    # isdigit alone takes a superscript, which int refuses.
    after = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if not turn_id:
        here = services.live.of_session(access.client_id, session_id)
        if here is not None:
            return _events(here, access)
        running = await services.replays.running_turn(access.client_id, session_id)
        if running is None:
            return Response(status_code=204)
        turn_id = running
    row = await services.replays.find(access.client_id, turn_id)
    if row is None or row.session_id != session_id:
        raise not_found("turn")
    live = services.live.streams.get(turn_id)
    if live is not None:
        return _events(live, access, after=after)
    return StreamingResponse(
        _end_of(services, access, row), media_type="text/event-stream", headers=SSE_HEADERS
    )


async def _end_of(services: Services, access: Access, row: TurnRow) -> AsyncIterator[bytes]:
    """The last event of a turn that another process runs or ran, once it has come."""
    found: TurnRow | None = row
    for _ in range(int(services.settings.turn_deadline_s / EVENTS_POLL_S) + 1):
        if found is None:
            return
        if found.outcome is not None:
            answer = services.replays.answer(found.session_id, found.outcome)
            yield terminal_event(found.id, answer, is_secret=access.is_secret)
            return
        await asyncio.sleep(EVENTS_POLL_S)
        found = await services.replays.find(access.client_id, row.id)


@router.post(
    "/stop",
    summary="Stop the turn that runs; what it said so far is kept",
    response_model=Stopped,
    responses=PROBLEMS,
    openapi_extra=_body(SessionRef),
)
async def stop(request: Request) -> Any:
    services: Services = request.app.state.services
    access, session_id, _conversation_id = await _referred(request)
    elsewhere = await services.replays.running_turn(access.client_id, session_id)
    stream = await services.live.stop(access.client_id, session_id)
    if stream is not None:
        await stream.wait()
    return {"session_id": session_id, "stopped": stream is not None or elsewhere is not None}


@router.post(
    "/end",
    summary="End a conversation; a later message is refused with 409",
    response_model=Ended,
    responses=PROBLEMS,
    openapi_extra=_body(SessionRef),
)
async def end(request: Request) -> Any:
    services: Services = request.app.state.services
    access, session_id, conversation_id = await _referred(request)
    async with services.database.write() as transaction:
        await ConversationRepository(transaction, access.client_id).end(
            conversation_id, now=services.clock.now()
        )
    return {"session_id": session_id, "status": "ended"}


# -- reading requests -------------------------------------------------------------------------------------


async def _read_message(request: Request, services: Services, access: Access) -> Asked:
    settings = services.settings
    message = await read_model(request, ChatMessage, max_bytes=settings.max_body_bytes)
    if not message.message.strip():
        raise Problem(422, "message_empty", "The message is empty. Write something.")
    if len(message.message) > settings.max_message_chars:
        raise Problem(
            422,
            "message_too_long",
            f"The message is longer than {settings.max_message_chars} characters. Shorten or split it.",
        )
    key = _idempotency_key(request, message)
    check_first_key(message, key)
    if message.session_id is not None:
        services.gate.check_session(request, access, message.session_id)
    visitor = (
        verified_visitor(message.user_token, access.view.identity_secret) if message.user_token else None
    )
    return Asked(access, message, key, visitor, client_address(request, settings.trusted_proxies))


def _idempotency_key(request: Request, message: ChatMessage) -> str | None:
    header = request.headers.get("idempotency-key")
    if header is not None and not 1 <= len(header) <= 255:
        raise Problem(422, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 characters.")
    if header is not None and message.message_id is not None and header != message.message_id:
        raise Problem(
            422,
            "idempotency_key_mismatch",
            "Idempotency-Key and message_id are both given and differ. Send one of them.",
        )
    return header or message.message_id


async def _referred(request: Request) -> tuple[Access, str, str]:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    reference = await read_model(request, SessionRef, max_bytes=services.settings.max_body_bytes)
    conversation_id = await _find(request, access, reference.session_id)
    return access, reference.session_id, conversation_id


async def _conversation(request: Request, session_id: str) -> tuple[Access, str]:
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


async def _messages(request: Request, session_id: str, *, after: int, count: int) -> list[MessageRow]:
    services: Services = request.app.state.services
    access, conversation_id = await _conversation(request, session_id)
    async with services.database.read() as connection:
        return await ConversationRepository(connection, access.client_id).messages(
            conversation_id, after=after, count=count
        )


def _events(stream: TurnStream, access: Access, *, after: int = 0) -> StreamingResponse:
    return StreamingResponse(
        stream.read(after=after, is_secret=access.is_secret),
        media_type="text/event-stream",
        headers=SSE_HEADERS,
    )
