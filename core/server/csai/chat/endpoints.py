"""The chat over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from csai.chat.replay import REPLAY_WAIT_S, Asked, check_first_key, in_flight
from csai.chat.repository import TurnRow
from csai.chat.schemas import (
    ChatConfirm,
    ChatMessage,
    Stopped,
    TurnAnswer,
)
from csai.chat.stream import TurnStream, public_outcome, terminal_event
from csai.chat.turn import as_json
from csai.clients.access import Access
from csai.conversations.schemas import SessionRef
from csai.conversations.session import find_conversation, referred_conversation
from csai.conversations.visitor import Claim, verified_visitor
from csai.handoffs.news import PREFIX, Mark
from csai.kit.address import client_address
from csai.kit.body import check_words, read_model
from csai.kit.openapi import PROBLEMS, body_of
from csai.kit.problem import Problem, not_found
from csai.services import Services
from csai.tools.confirmation import Decision

router = APIRouter(prefix="/chat", tags=["chat"])

SSE_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
EVENTS_POLL_S = 0.5
FOLLOWING = """Server-sent events.

With `Last-Event-ID` `{turn}:{n}` the events of that turn after that one; a turn this server no longer
remembers gives only its last event. Without, those of the turn that runs.

With `live=true`, or where no turn runs and the conversation is with a teammate or in the queue, what happens
beside turns, until the conversation ends: `handoff` (`state`, `teammate`, `since`; also the first event),
`handoff.queue` (`position`, from 1), `teammate.joined` (`teammate`), `teammate.left`, `teammate.message`
(`message`, as in the history) and `conversation.ended`. Their ids begin with `live:`; with the last one as
`Last-Event-ID`, or the history's `live_id`, nothing is missed and no message told twice, on whichever server.
A connection ends after a quarter of an hour: come back.

204 when there is nothing to follow. 503 and 429 `too_many_connections`: read the history instead."""


@router.post(
    "/message",
    summary="Send a visitor's message and get the turn's outcome",
    description=(
        "Answers with JSON when the turn has ended or, with `Accept: text/event-stream`, with its events "
        "as they come. A repeat with the same `Idempotency-Key` (or `message_id`) and body gets the same "
        "outcome, with the header `Idempotency-Replayed: true`, and costs nothing. The turn goes on when the "
        "connection is closed."
    ),
    response_model=TurnAnswer,
    responses=PROBLEMS,
    openapi_extra=body_of(ChatMessage),
)
async def send_message(request: Request) -> Response:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    asked = await _read_message(request, services, access)
    return await answer(request, services, access, asked)


async def answer(request: Request, services: Services, access: Access, asked: Asked) -> Response:
    """Take the turn, and answer with its outcome or its events, as the request would have it."""
    stream, is_replay = await services.turns.submit(asked)
    if "text/event-stream" in request.headers.get("accept", ""):
        return _events(stream, access)
    try:
        async with asyncio.timeout(REPLAY_WAIT_S if is_replay else None):
            outcome = await stream.wait()
    except TimeoutError:
        raise in_flight() from None
    return Response(
        as_json(outcome if access.is_secret else public_outcome(outcome)),
        media_type="application/json",
        # For whoever carries answers on: what is told again has been told already.
        headers={"Idempotency-Replayed": "true"} if is_replay else None,
    )


@router.post(
    "/confirm",
    summary="Confirm or decline a write action that the assistant asked about",
    description=(
        "A turn like that of a message: JSON, or events with `Accept: text/event-stream`. What was approved "
        "is done once, with just what the visitor was shown; deciding the same again gives the same answer, "
        "deciding otherwise is 409."
    ),
    response_model=TurnAnswer,
    responses=PROBLEMS,
    openapi_extra=body_of(ChatConfirm),
)
async def confirm(request: Request) -> Response:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    asked = await _read_decision(request, services, access)
    return await answer(request, services, access, asked)


@router.get(
    "/events/{session_id}",
    summary="Follow the turn that runs, resume one, or hear of teammates",
    description=FOLLOWING,
    responses={
        **PROBLEMS,
        200: {"content": {"text/event-stream": {}}},
        204: {"description": "Nothing runs, or the end of the conversation was told before."},
    },
    response_class=StreamingResponse,
)
async def events(
    request: Request,
    session_id: str,
    is_live: Annotated[
        bool, Query(alias="live", description="Hear of teammates rather than of turns.")
    ] = False,
) -> Response:
    services: Services = request.app.state.services
    access, conversation_id = await find_conversation(request, session_id)
    last_id = request.headers.get("last-event-id", "")
    if is_live or last_id.startswith(PREFIX):
        return await _live(services, access, conversation_id, last_id, is_patient=True)
    turn_id, _, number = last_id.partition(":")
    # isdigit alone takes a superscript, which int refuses.
    after = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if not turn_id:
        here = services.live.of_session(access.client_id, session_id)
        if here is not None:
            return _events(here, access)
        running = await services.replays.running_turn(access.client_id, session_id)
        if running is None:
            return await _live(services, access, conversation_id, "", is_patient=False)
        turn_id = running
    row = await services.replays.find(access.client_id, turn_id)
    if row is None or row.session_id != session_id or row.is_forgotten:
        raise not_found("turn")
    live = services.live.streams.get(turn_id)
    if live is not None:
        return _events(live, access, after=after)
    return StreamingResponse(
        _end_of(services, access, row), media_type="text/event-stream", headers=SSE_HEADERS
    )


async def _live(
    services: Services, access: Access, conversation_id: str, last_id: str, *, is_patient: bool
) -> Response:
    """What happens in the conversation beside turns."""
    events = await services.feed.open(
        access.client_id,
        conversation_id,
        Mark.parse(last_id),
        is_patient=is_patient,
        is_visitor=not access.is_secret,
    )
    if events is None:
        return Response(status_code=204)
    return StreamingResponse(events, media_type="text/event-stream", headers=SSE_HEADERS)


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
    openapi_extra=body_of(SessionRef),
)
async def stop(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, _conversation_id = await referred_conversation(request, SessionRef)
    session_id = asked.session_id
    elsewhere = await services.replays.running_turn(access.client_id, session_id)
    stream = await services.live.stop(access.client_id, session_id)
    if stream is not None:
        await stream.wait()
    return {"session_id": session_id, "stopped": stream is not None or elsewhere is not None}


# -- reading requests -------------------------------------------------------------------------------------


async def _read_message(request: Request, services: Services, access: Access) -> Asked:
    settings = services.settings
    message = await read_model(request, ChatMessage, max_bytes=settings.max_body_bytes)
    check_words(message.message, max_chars=settings.max_message_chars)
    key = _idempotency_key(request, message)
    check_first_key(message, key)
    if message.session_id is not None:
        services.gate.check_session(request, access, message.session_id)
    visitor = verified_visitor(
        Claim(message.user_identifier, message.user_hash, message.user_token), access.view.identity_secret
    )
    return Asked(access, message, key, visitor, client_address(request, settings.trusted_proxies))


async def _read_decision(request: Request, services: Services, access: Access) -> Asked:
    settings = services.settings
    confirm = await read_model(request, ChatConfirm, max_bytes=settings.max_body_bytes)
    services.gate.check_session(request, access, confirm.session_id)
    decision = Decision(confirm.confirmation_id, confirm.decision)
    return Asked(
        access,
        ChatMessage(message=confirm.words(), session_id=confirm.session_id),
        decision.key,
        verified_visitor(
            Claim(confirm.user_identifier, confirm.user_hash, confirm.user_token),
            access.view.identity_secret,
        ),
        client_address(request, settings.trusted_proxies),
        decision,
    )


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


def _events(stream: TurnStream, access: Access, *, after: int = 0) -> StreamingResponse:
    return StreamingResponse(
        stream.read(after=after, is_secret=access.is_secret),
        media_type="text/event-stream",
        headers=SSE_HEADERS,
    )
