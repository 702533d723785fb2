"""Feedback over HTTP: given by visitors, read by admins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from csai.admins.service import READERS
from csai.clients.offer import check_offered
from csai.clients.repository import ClientRepository
from csai.conversations.session import referred_conversation
from csai.feedback.repository import FeedbackRepository
from csai.feedback.schemas import FeedbackGiven, FeedbackPage, FeedbackRequest, FeedbackSummary
from csai.feedback.service import entry, feedback_summary, give_feedback
from csai.kit.address import client_address
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, PROBLEMS, body_of
from csai.kit.page import Before, check_before, page_of
from csai.services import Services

router = APIRouter()

GIVEN_PER_ADDRESS = 60
PATH = "/admin/clients/{client_id}/feedback"
READ: dict[str, Any] = {"tags": ["admin: feedback"], "responses": ADMIN_PROBLEMS}


@router.post(
    "/api/feedback",
    tags=["widget"],
    summary="Say what the visitor thinks of an answer, or of the conversation",
    description=(
        "`message_id` and `thumb` for one answer, of the AI or of a teammate; `rating` for the conversation, "
        "also once it has ended. Sending another takes the place of what was sent before, its comment "
        "included; sending the same again changes nothing. 404 where the conversation has no such answer, "
        "409 `nothing_to_rate` where nothing was said. With a page's key 403 `not_offered` where the "
        "client's branding has thumbs (`feedback`) or ratings (`rating`) switched off."
    ),
    response_model=FeedbackGiven,
    responses=PROBLEMS,
    openapi_extra=body_of(FeedbackRequest),
)
async def give(request: Request) -> Any:
    services: Services = request.app.state.services
    access, asked, conversation_id = await referred_conversation(request, FeedbackRequest)
    check_offered(access, "feedback" if asked.rating is None else "rating")
    address = client_address(request, services.settings.trusted_proxies)
    await services.limiter.check_visitor("feedback", access, address, per_minute=GIVEN_PER_ADDRESS)
    async with services.database.write() as transaction:
        return await give_feedback(
            transaction,
            access.client_id,
            conversation_id,
            asked,
            outbox=services.outbox,
            clock=services.clock,
        )


@router.get(
    PATH,
    summary="What visitors thought, the newest first, with the answers",
    response_model=FeedbackPage,
    **READ,
)
async def read(
    request: Request,
    client_id: str,
    kind: Annotated[
        Literal["answer", "conversation"] | None, Query(description="Only thumbs, or only ratings.")
    ] = None,
    value: Annotated[
        int | None, Query(ge=-1, le=5, description="Only these: 1 or -1 for thumbs, 1 to 5 for ratings.")
    ] = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    check_before(before)
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        rows = await FeedbackRepository(connection, client_id).newest(
            kind=kind, value=value, before_id=before, count=limit + 1
        )
    page, earlier = page_of(rows, limit, mark=lambda row: row.id)
    return {"feedback": [entry(row) for row in page], "next": earlier}


@router.get(
    f"{PATH}/summary", summary="How many visitors thought what", response_model=FeedbackSummary, **READ
)
async def summary(request: Request, client_id: str, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Any:
    """Counted as long as conversations are kept: 90 days, unless the client says otherwise."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=READERS)
    check_id(client_id, "client")
    async with services.database.read() as connection:
        await ClientRepository(connection, client_id).get()
        return await feedback_summary(connection, client_id, days=days, now=services.clock.now())
