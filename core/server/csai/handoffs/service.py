"""Handing conversations over: for visitors who ask for a person, and for teammates who take over."""

from __future__ import annotations

import uuid
from collections.abc import Collection

import structlog
from csai_sdk import Clock
from csai_sdk.event import Handoff

from csai.admins.audit import Actor, record
from csai.channels.outbox import TeammateWords
from csai.chat.live import LiveTurns
from csai.conversations.repository import MessageRow
from csai.database import Database
from csai.handoffs.follow_up import FollowUps
from csai.handoffs.repository import HandoffRepository, StateOf
from csai.kit.identifier import new_id
from csai.kit.problem import Problem
from csai.kit.wake import Wake
from csai.outbox.event import Outbox
from csai.plugins.view import ClientView, ClientViews

log = structlog.get_logger(__name__)


class Handoffs:
    """Changes who answers. Nothing that the AI had not stored before is said afterwards."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        live: LiveTurns,
        views: ClientViews,
        outbox: Outbox,
        channels: TeammateWords,
        follow_ups: FollowUps,
        wake: Wake,
    ) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._views = views
        self._outbox = outbox
        self._channels = channels
        self._follow_ups = follow_ups
        self._wake = wake

    async def ask(
        self,
        view: ClientView,
        session_id: str,
        conversation_id: str,
        reason: str,
        *,
        email: str | None = None,
    ) -> StateOf:
        """The visitor wants a person: queue the conversation, unless somebody has it already.

        With an address to be answered at. Raises 409 when it has ended.
        """
        if email is not None:
            await self._keep_email(view.client.id, session_id, conversation_id, email)
        async with self._database.read() as connection:
            found = await HandoffRepository(connection, view.client.id).get(conversation_id)
        if found.state in {"queued", "teammate"}:
            return found
        # A teammate may take it over in this moment: they are not to be sent away.
        return await self.change(view, session_id, conversation_id, "queued", reason=reason, only_from={"ai"})

    async def claim(
        self,
        view: ClientView,
        session_id: str,
        conversation_id: str,
        *,
        teammate: str,
        is_takeover: bool,
        actor: Actor,
    ) -> None:
        """A teammate takes the conversation, with `is_takeover` also from another one. Raises 409."""
        found = await self.change(
            view,
            session_id,
            conversation_id,
            "teammate",
            teammate=teammate,
            only_from=None if is_takeover else {"ai", "queued"},
            actor=actor,
        )
        if found.teammate != teammate:
            raise Problem(
                409,
                "claimed",
                f"{found.teammate or 'Somebody'} has this conversation. Leave it to them, or take it over: "
                "is_takeover.",
            )

    async def change(
        self,
        view: ClientView,
        session_id: str,
        conversation_id: str,
        state: str,
        *,
        teammate: str | None = None,
        reason: str = "",
        only_from: Collection[str] | None = None,
        actor: Actor | None = None,
    ) -> StateOf:
        """Hand the conversation to `ai`, `queued` or `teammate`, or end it (`closed`). Repeatable.

        With `only_from` it stays as it is, unless it is in one of these states. What an admin changes is kept
        in the audit log. Raises 409 when it has ended and another state is asked for.
        """
        now = self._clock.now()
        async with self._database.write() as transaction:
            handoffs = HandoffRepository(transaction, view.client.id)
            changed = (
                await handoffs.close(conversation_id, now=now)
                if state == "closed"
                else await handoffs.change(
                    conversation_id, state, teammate=teammate, only_from=only_from, now=now
                )
            )
            if changed is not None and state == "closed":
                await self._outbox.ended(view.client.id, session_id).run(transaction)
            elif changed is not None:
                await self._outbox.event(
                    view.client.id,
                    "conversation.state_changed",
                    {"session_id": session_id, "state": state},
                    f"conversation.state_changed:{conversation_id}:{changed.fence}",
                ).run(transaction)
            if changed is not None and actor is not None:
                await record(
                    transaction,
                    actor,
                    "conversation.state_changed",
                    object=f"conversation:{conversation_id}",
                    client_id=view.client.id,
                    after={"state": state, "teammate": teammate},
                    at=now,
                )
            found = changed or await handoffs.get(conversation_id)
        if changed is not None:
            await self._wake.tell(conversation_id)
        if state == "closed":
            if changed is not None:
                await self._live.stop(view.client.id, session_id)
            return found
        if found.state == "closed":
            raise _ended()
        if changed is not None and state != "ai":
            await self._tell(view, session_id, conversation_id, state, reason, changed.email)
        return found

    async def _keep_email(self, client_id: str, session_id: str, conversation_id: str, email: str) -> None:
        """One for a conversation, and the client's own systems hear of it. Raises 409 when it has ended."""
        async with self._database.write() as transaction:
            handoffs = HandoffRepository(transaction, client_id)
            if await handoffs.set_email(conversation_id, email):
                await self._outbox.event(
                    client_id,
                    "conversation.contact_given",
                    {"session_id": session_id, "email": email},
                    f"conversation.contact_given:{new_id()}",
                ).run(transaction)
                return
            found = await handoffs.get(conversation_id)
        if found.state == "closed":
            raise _ended()

    async def reply(
        self, client_id: str, conversation_id: str, text: str, *, message_id: str | None
    ) -> MessageRow:
        """Store a teammate's message. With the same `message_id` it is stored once.

        Raises 409 where no teammate has the conversation.
        """
        # Made of both, so that no client's id can meet another's.
        own_id = str(uuid.uuid5(uuid.UUID(conversation_id), message_id)) if message_id else new_id()
        async with self._database.write() as transaction:
            handoffs = HandoffRepository(transaction, client_id)
            await handoffs.lock(conversation_id)
            said = await handoffs.said(conversation_id, own_id) if message_id else None
            if said is None:
                now = self._clock.now()
                said = await handoffs.say(conversation_id, own_id, text, now=now)
                if said is not None and not await self._channels.put(
                    transaction, client_id, conversation_id, message_id=said.id, text=text, now=now
                ):
                    await self._follow_ups.expect(transaction, client_id, conversation_id, said.seq)
            found = await handoffs.get(conversation_id) if said is None else None
        if said is not None:
            await self._wake.tell(conversation_id)
            return said
        if found is not None and found.state == "closed":
            raise _ended()
        raise Problem(
            409,
            "not_taken_over",
            "The conversation is not with a teammate. Take it over first: POST /chat/state with teammate.",
        )

    async def _tell(
        self,
        view: ClientView,
        session_id: str,
        conversation_id: str,
        state: str,
        reason: str,
        email: str | None,
    ) -> None:
        """Stop what the AI does here at once; elsewhere it is heard of within a second. Then the plugins."""
        await self._live.stop(view.client.id, session_id)
        log.info("conversation handed over", client_id=view.client.id, state=state)
        if "handoff" in view.hooks:
            self._views.hold(view)
            try:
                event = Handoff(view.client.id, conversation_id, state, reason, email)
                await view.hooks.tell("handoff", event)
            finally:
                await self._views.release(view)


def _ended() -> Problem:
    return Problem(409, "conversation_ended", "This conversation has ended. The visitor can begin a new one.")
