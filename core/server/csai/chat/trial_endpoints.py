"""The test chat over HTTP: an admin asks as a visitor would, and sees what the models were asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from csai.admins.service import CHANGERS
from csai.chat.endpoints import answer
from csai.chat.replay import Asked
from csai.chat.schemas import ChatMessage, TurnAnswer
from csai.chat.trial import Trial
from csai.chat.trial_schemas import TrialMessage, TrialRounds
from csai.clients.access import Access
from csai.clients.repository import ClientRepository
from csai.conversations.repository import ConversationRepository
from csai.kit.address import client_address
from csai.kit.body import check_words, read_model
from csai.kit.identifier import check_id
from csai.kit.openapi import ADMIN_PROBLEMS, body_of
from csai.kit.problem import Problem, not_found
from csai.plugins.answering import ChosenProvider
from csai.plugins.view import ClientView
from csai.providers.choice import ModelRef
from csai.services import Services

router = APIRouter(
    prefix="/admin/clients/{client_id}/test-chat", tags=["admin: test chat"], responses=ADMIN_PROBLEMS
)


@router.post(
    "/message",
    summary="Ask a client's assistant as a visitor would, to test it",
    response_model=TurnAnswer,
    openapi_extra=body_of(TrialMessage),
)
async def send_message(request: Request, client_id: str) -> Response:
    """A real turn: tools run, and tokens are paid for and count against the plan. The conversation is
    marked as a test: it takes part in no experiment, is left out of lists and of the counts of
    conversations, and the plan's limits of conversations and messages do not know it.

    JSON when the turn has ended or, with `Accept: text/event-stream`, its events as they come.
    422 `model_not_usable` for a model that the client cannot be answered by.
    """
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=CHANGERS)
    settings = services.settings
    asked = await read_model(request, TrialMessage, max_bytes=settings.max_body_bytes)
    check_words(asked.message, max_chars=settings.max_message_chars)
    check_id(client_id, "client")
    if asked.session_id is not None:
        await _check_session(services, client_id, asked.session_id)
    access = await _access(services, client_id)
    return await answer(
        request,
        services,
        access,
        Asked(
            access,
            ChatMessage(message=asked.message, session_id=asked.session_id),
            key=None,
            visitor=None,
            address=client_address(request, settings.trusted_proxies),
            trial=Trial(services.trials, _chain(access.view, asked.model)),
        ),
    )


@router.get(
    "/{session_id}/rounds",
    summary="What the models of a test chat were asked, and what they answered",
    response_model=TrialRounds,
)
async def rounds(request: Request, client_id: str, session_id: str) -> Any:
    """Kept in memory by the server that ran the turn, for its last 20 test turns; never stored."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=CHANGERS)
    check_id(client_id, "client")
    await _check_session(services, client_id, session_id)
    return {
        "session_id": session_id,
        "turns": [
            {"turn_id": turn.turn_id, "rounds": [asdict(each) for each in turn.rounds]}
            for turn in services.trials.of(client_id, session_id)
        ],
    }


async def _access(services: Services, client_id: str) -> Access:
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
    if client.status != "active":
        raise Problem(409, "client_inactive", "This client is deactivated. Activate it to test it.")
    return Access(client_id, "secret", await services.views.get(client_id, client.config_version))


async def _check_session(services: Services, client_id: str, session_id: str) -> None:
    """Raises 404 also for a visitor's conversation: an admin does not speak in it as the visitor."""
    check_id(session_id, "conversation")
    async with services.database.read() as connection:
        is_known = await ConversationRepository(connection, client_id).is_test(session_id)
    if not is_known:
        raise not_found("conversation")


def _chain(view: ClientView, model: str | None) -> tuple[ChosenProvider, ...]:
    if model is None:
        return ()
    chosen = view.models.only(ModelRef.parse(model)) if view.models is not None else ()
    if not chosen:
        raise Problem(
            422,
            "model_not_usable",
            "The client cannot be answered by this model: its provider is off or has no key, or the plan "
            "does not allow it.",
        )
    return chosen
