"""Handing over, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from csai.clients.access import Access
from csai.clients.offer import check_offered
from csai.conversations.schemas import message_json
from csai.conversations.session import referred_conversation
from csai.handoffs.repository import StateOf
from csai.handoffs.schemas import ConversationState, HandoffRequest, Said, StateChange, TeammateMessage
from csai.kit.address import client_address
from csai.kit.body import check_words
from csai.kit.openapi import PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.services import Services

router = APIRouter(prefix="/chat", tags=["handoff"])

EMAILS_PER_ADDRESS = 10


@router.post(
    "/handoff",
    summary="Ask for a person; the AI says no more",
    description=(
        "The conversation waits for a teammate. Asking again, or when one is there, changes nothing but the "
        "`email` that the visitor may leave, to be answered when nobody is there: the client's webhook is "
        "told of it with `conversation.contact_given`. With a page's key 403 `not_offered` where the "
        "client's branding has `handoff`, or for an address `email_follow_up`, switched off."
    ),
    response_model=ConversationState,
    responses=PROBLEMS,
    openapi_extra=body_of(HandoffRequest),
)
async def hand_off(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, conversation_id = await referred_conversation(request, HandoffRequest)
    check_offered(access, "handoff")
    if asked.email is not None:
        check_offered(access, "email_follow_up")
        # Each is written down and told to the client's systems.
        address = client_address(request, services.settings.trusted_proxies)
        await services.limiter.check_visitor("email", access, address, per_minute=EMAILS_PER_ADDRESS)
    found = await services.handoffs.ask(
        access.view, asked.session_id, conversation_id, asked.reason, email=asked.email
    )
    return _state(access, asked.session_id, found)


@router.post(
    "/state",
    summary="Say who answers: the AI, a teammate, or nobody yet",
    description=(
        "For servers that act for teammates: needs a secret key. Once it has answered, no message of the AI "
        "follows until the state is `ai` again; a turn that was running ends as `handed_off`."
    ),
    response_model=ConversationState,
    responses=PROBLEMS,
    openapi_extra=body_of(StateChange),
)
async def change_state(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, conversation_id = await referred_conversation(request, StateChange)
    _check_secret(access)
    if asked.teammate is not None and asked.state != "teammate":
        raise Problem(422, "teammate_without_takeover", "Name a teammate only with the state teammate.")
    found = await services.handoffs.change(
        access.view,
        asked.session_id,
        conversation_id,
        asked.state,
        teammate=asked.teammate,
        reason=asked.reason,
    )
    return _state(access, asked.session_id, found)


@router.post(
    "/reply",
    summary="Say something to the visitor as a teammate",
    description="Needs a secret key, and a conversation that a teammate has taken over.",
    response_model=Said,
    responses=PROBLEMS,
    openapi_extra=body_of(TeammateMessage),
)
async def reply(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, conversation_id = await referred_conversation(request, TeammateMessage)
    _check_secret(access)
    check_words(asked.message, max_chars=services.settings.max_message_chars)
    row = await services.handoffs.reply(
        access.client_id, conversation_id, asked.message, message_id=asked.message_id
    )
    return {"session_id": asked.session_id, "message": message_json(row)}


def _check_secret(access: Access) -> None:
    if not access.is_secret:
        raise Problem(
            403, "secret_key_needed", "Teammates act with a secret key, from a server; this is a page's key."
        )


def _state(access: Access, session_id: str, found: StateOf) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "state": found.state,
        "since": found.since.isoformat() if found.since else None,
        "teammate": found.teammate,
        "email": found.email if access.is_secret else None,
    }
