"""Handing conversations over: for visitors who ask for a person, and for teammates who take over."""

from __future__ import annotations

import uuid

import structlog
from csai_sdk import Clock
from csai_sdk.event import Handoff

from csai.chat.live import LiveTurns
from csai.clients.access import Access
from csai.conversations.repository import MessageRow
from csai.database import Database
from csai.handoffs.repository import HandoffRepository, StateOf
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.outbox.event import Outbox
from csai.plugins.view import ClientViews

log = structlog.get_logger(__name__)


class Handoffs:
    """Changes who answers. Nothing that the AI had not stored before is said afterwards."""

    def __init__(
        self, *, database: Database, clock: Clock, live: LiveTurns, views: ClientViews, outbox: Outbox
    ) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._views = views
        self._outbox = outbox

    async def ask(self, access: Access, session_id: str, conversation_id: str, reason: str) -> StateOf:
        """The visitor wants a person: queue the conversation, unless somebody has it already.

        Raises 409 when it has ended.
        """
        async with self._database.read() as connection:
            found = await HandoffRepository(connection, access.client_id).get(conversation_id)
        if found.state in {"queued", "teammate"}:
            return found
        # A teammate may take it over in this moment: they are not to be sent away.
        return await self.change(
            access, session_id, conversation_id, "queued", reason=reason, is_from_ai=True
        )

    async def change(
        self,
        access: Access,
        session_id: str,
        conversation_id: str,
        state: str,
        *,
        teammate: str | None = None,
        reason: str = "",
        is_from_ai: bool = False,
    ) -> StateOf:
        """Hand the conversation to `ai`, `queued` or `teammate`, or end it (`closed`). Repeatable.

        With `is_from_ai` it stays with whom it is, unless that is the AI. Raises 409 when it has ended and
        another state is asked for.
        """
        now = self._clock.now()
        async with self._database.write() as transaction:
            handoffs = HandoffRepository(transaction, access.client_id)
            changed = (
                await handoffs.close(conversation_id, now=now)
                if state == "closed"
                else await handoffs.change(
                    conversation_id, state, teammate=teammate, is_from_ai=is_from_ai, now=now
                )
            )
            if changed is not None and state == "closed":
                await self._outbox.ended(access.client_id, session_id).run(transaction)
            elif changed is not None:
                await self._outbox.event(
                    access.client_id,
                    "conversation.state_changed",
                    {"session_id": session_id, "state": state},
                    f"conversation.state_changed:{conversation_id}:{changed.fence}",
                ).run(transaction)
            found = changed or await handoffs.get(conversation_id)
        if state == "closed":
            if changed is not None:
                await self._live.stop(access.client_id, session_id)
            return found
        if found.state == "closed":
            raise _ended()
        if changed is not None and state != "ai":
            await self._tell(access, session_id, conversation_id, state, reason)
        return found

    async def reply(
        self, access: Access, conversation_id: str, text: str, *, message_id: str | None
    ) -> MessageRow:
        """Store a teammate's message. With the same `message_id` it is stored once.

        Raises 409 where no teammate has the conversation.
        """
        # Made of both, so that no client's id can meet another's.
        own_id = str(uuid.uuid5(uuid.UUID(conversation_id), message_id)) if message_id else new_id()
        async with self._database.write() as transaction:
            handoffs = HandoffRepository(transaction, access.client_id)
            await handoffs.lock(conversation_id)
            said = await handoffs.said(conversation_id, own_id) if message_id else None
            if said is None:
                said = await handoffs.say(conversation_id, own_id, text, now=self._clock.now())
            if said is not None:
                return said
            found = await handoffs.get(conversation_id)
        if found.state == "closed":
            raise _ended()
        raise Problem(
            409,
            "not_taken_over",
            "The conversation is not with a teammate. Take it over first: POST /chat/state with teammate.",
        )

    async def _tell(
        self, access: Access, session_id: str, conversation_id: str, state: str, reason: str
    ) -> None:
        """Stop what the AI does here at once; elsewhere it is heard of within a second. Then the plugins."""
        await self._live.stop(access.client_id, session_id)
        log.info("conversation handed over", client_id=access.client_id, state=state)
        if "handoff" in access.view.hooks:
            self._views.hold(access.view)
            try:
                event = Handoff(access.client_id, conversation_id, state, reason)
                await access.view.hooks.tell("handoff", event)
            finally:
                await self._views.release(access.view)


def _ended() -> Problem:
    return Problem(409, "conversation_ended", "This conversation has ended. The visitor can begin a new one.")
