"""The test chat over HTTP: an admin asks as a visitor would, and sees what the models were asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from csai.admins.audit import record
from csai.admins.service import CHANGERS
from csai.chat.endpoints import answer
from csai.chat.replay import Asked
from csai.chat.schemas import WORDS, ChatMessage, TurnAnswer
from csai.chat.trial import Trial
from csai.chat.trial_schemas import TrialConfirm, TrialConfirmations, TrialMessage, TrialRounds, TrialSetting
from csai.clients.access import Access
from csai.clients.plugin import find_plugin
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
from csai.tools.asking import still_asked
from csai.tools.confirmation import Decision

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
    422 `model_not_usable` for a model that the client cannot be answered by, `plugin_not_usable` for a plugin
    that cannot be on.
    """
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=CHANGERS)
    asked = await read_model(request, TrialMessage, max_bytes=services.settings.max_body_bytes)
    check_words(asked.message, max_chars=services.settings.max_message_chars)
    check_id(client_id, "client")
    if asked.session_id is not None:
        await _check_session(services, client_id, asked.session_id)
    message = ChatMessage(message=asked.message, session_id=asked.session_id)
    return await _take(request, services, client_id, asked, message)


@router.post(
    "/confirm",
    summary="Confirm or decline a write action in a test chat",
    response_model=TurnAnswer,
    openapi_extra=body_of(TrialConfirm),
)
async def confirm(request: Request, client_id: str) -> Response:
    """A turn like that of a message. **What is approved is really done**, once; who approved it stands in
    the audit log. 409 where it waits no longer.
    """
    services: Services = request.app.state.services
    admin = await services.admins.enter(request, roles=CHANGERS)
    asked = await read_model(request, TrialConfirm, max_bytes=services.settings.max_body_bytes)
    check_id(client_id, "client")
    conversation_id = await _check_session(services, client_id, asked.session_id)
    decision = Decision(asked.confirmation_id, asked.decision)
    async with services.database.write() as transaction:
        await record(
            transaction,
            admin.actor,
            "test_chat.decided",
            object=f"conversation:{conversation_id}",
            client_id=client_id,
            after={"confirmation": decision.confirmation_id, "decision": decision.word},
            at=services.clock.now(),
        )
    message = ChatMessage(message=WORDS[decision.word], session_id=asked.session_id)
    return await _take(request, services, client_id, asked, message, decision)


@router.get(
    "/{session_id}/confirmations",
    summary="The write actions that wait for a word in a test chat",
    response_model=TrialConfirmations,
)
async def confirmations(request: Request, client_id: str, session_id: str) -> Any:
    """For who goes on with a test: the same as its answers had."""
    services: Services = request.app.state.services
    await services.admins.enter(request, roles=CHANGERS)
    check_id(client_id, "client")
    await _check_session(services, client_id, session_id)
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
    view = await services.views.get(client_id, client.config_version)
    asked = await still_asked(services.database, view, session_id, now=services.clock.now())
    return {"session_id": session_id, "confirmations": asked}


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


async def _take(
    request: Request,
    services: Services,
    client_id: str,
    setting: TrialSetting,
    message: ChatMessage,
    decision: Decision | None = None,
) -> Response:
    """Run the turn as the admin would have it."""
    view = await _view(services, client_id, setting.plugins)
    access = Access(client_id, "secret", view)
    services.views.hold(view)
    try:
        asked = Asked(
            access,
            message,
            key=decision.key if decision is not None else None,
            visitor=None,
            address=client_address(request, services.settings.trusted_proxies),
            decision=decision,
            trial=Trial(services.trials, _chain(view, setting.model)),
        )
        return await answer(request, services, access, asked)
    finally:
        await services.views.release(view)


async def _view(services: Services, client_id: str, switched: Mapping[str, bool]) -> ClientView:
    async with services.database.read() as connection:
        client = await ClientRepository(connection, client_id).get()
    if client.status != "active":
        raise Problem(409, "client_inactive", "This client is deactivated. Activate it to test it.")
    if not switched:
        return await services.views.get(client_id, client.config_version)
    for name in sorted(switched):
        find_plugin(services.registry, name)
    view = await services.views.trial(client_id, switched)
    unusable = sorted(name for name, is_on in switched.items() if is_on and name not in view.plugins)
    if unusable:
        services.views.hold(view)
        await services.views.release(view)
        raise Problem(
            422,
            "plugin_not_usable",
            f"The settings of {', '.join(unusable)} cannot be used: complete them for the client first.",
        )
    return view


async def _check_session(services: Services, client_id: str, session_id: str) -> str:
    """The conversation's id. Raises 404 also for a visitor's: no admin speaks in it as the visitor."""
    check_id(session_id, "conversation")
    async with services.database.read() as connection:
        conversation_id = await ConversationRepository(connection, client_id).find_test(session_id)
    if conversation_id is None:
        raise not_found("conversation")
    return conversation_id


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
