"""Erasure over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StringConstraints

from csai.chat.schemas import Label, SessionId, Strict
from csai.clients.access import Access
from csai.conversations.visitor import Claim, verified_visitor
from csai.kit.address import client_address
from csai.kit.body import read_model
from csai.kit.openapi import PROBLEMS, body_of
from csai.kit.problem import Problem
from csai.privacy.erasure_repository import Subject
from csai.services import Services

router = APIRouter(prefix="/api", tags=["privacy"])

ERASURES_PER_ADDRESS = 10


class ErasureRequest(Strict):
    """Whom or what to forget: exactly one of these."""

    session_id: SessionId | None = Field(None, description="One conversation.")
    user_token: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        None, description="All of the visitor whom it proves; as in a message."
    )
    visitor: Label | None = Field(
        None, description="All of a verified visitor, by the host page's id; with a secret key only."
    )


class ErasureAnswer(BaseModel):
    status: str = Field(description="`erased`, or `pending`: what is left is erased as soon as it can be.")
    conversations: int


@router.post(
    "/erase",
    summary="Forget a conversation, or all of a verified visitor",
    description=(
        "Deletes messages, empties everything else that holds words of the visitor, ends the conversations "
        "and has the client's plugins erase what they keep. What was used stays counted, without words. "
        "Unknown sessions and visitors are answered alike, as erased."
    ),
    response_model=ErasureAnswer,
    responses=PROBLEMS,
    openapi_extra=body_of(ErasureRequest),
)
async def erase(request: Request) -> Any:
    services: Services = request.app.state.services
    access = await services.gate.enter(request, now=services.clock.now())
    asked = await read_model(request, ErasureRequest, max_bytes=services.settings.max_body_bytes)
    subject = _subject(request, services, access, asked)
    # Each is written down, and asks all of the client's plugins.
    address = client_address(request, services.settings.trusted_proxies)
    await services.limiter.check_visitor("erase", access, address, per_minute=ERASURES_PER_ADDRESS)
    outcome = await services.erasures.erase(access.client_id, subject)
    return {"status": outcome.status, "conversations": outcome.conversations}


def _subject(request: Request, services: Services, access: Access, asked: ErasureRequest) -> Subject:
    given = [value for value in (asked.session_id, asked.user_token, asked.visitor) if value is not None]
    if len(given) != 1:
        raise Problem(
            422, "erasure_subject", "Say what to forget by exactly one of session_id, user_token and visitor."
        )
    if asked.session_id is not None:
        services.gate.check_session(request, access, asked.session_id)
        return Subject(session_id=asked.session_id)
    if asked.user_token is not None:
        # By a token alone: a hash never ends, and what is forgotten is gone.
        claim = Claim(user_token=asked.user_token)
        return Subject(external_id=verified_visitor(claim, access.view.identity_secret))
    if not access.is_secret:
        raise Problem(
            403, "secret_key_needed", "A page names its visitor by a user_token: anybody can write an id."
        )
    return Subject(external_id=asked.visitor)
