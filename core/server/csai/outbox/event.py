"""Writing an event down in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from csai_sdk import Clock

from csai.kit.identifier import new_id
from csai.outbox import statements
from csai.statement import Step

EventName = Literal[
    "conversation.ended",
    "conversation.state_changed",
    "conversation.contact_given",
    "feedback.given",
    "limit.near",
    "limit.reached",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)


class Outbox:
    """Where events are put."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def ended(self, client_id: str, session_id: str) -> Step:
        return self.event(
            client_id, "conversation.ended", {"session_id": session_id}, f"conversation.ended:{session_id}"
        )

    def event(self, client_id: str, event: EventName, payload: Mapping[str, Any], key: str) -> Step:
        """A step for the transaction that makes the event true: for `Database.transact`, or by its `run`.

        Nothing is stored where the client has no webhook, or had an event with this key before. Keep
        visitors' words out of the payload, and their names: ids do.
        """
        return Step(
            statements.TELL,
            {
                "id": new_id(),
                "client": client_id,
                "event": event,
                "payload": dict(payload),
                "key": key,
                "now": self._clock.now(),
            },
        )
