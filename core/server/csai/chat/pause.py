"""A message while the AI is switched off: a teammate is asked for, where the client offers to hand over."""

from __future__ import annotations

import structlog

from csai.chat.running import RunningTurn
from csai.clients.offer import is_offered
from csai.handoffs.service import Handoffs
from csai.locales.language import label_in

log = structlog.get_logger(__name__)

REASON = "The AI is switched off."


class Paused(Exception):
    """An admin has switched the AI off: no model is called."""


class Pauses:
    """Ends turns that no model may answer."""

    def __init__(self, handoffs: Handoffs) -> None:
        self._handoffs = handoffs

    async def judge(self, turn: RunningTurn) -> tuple[str, str]:
        """The turn's status, and what the visitor is told in their language."""
        is_queued = turn.trial is None and is_offered(turn.view, "handoff") and await self._queue(turn)
        if turn.handed_to is not None:
            return "handed_off", ""
        return "blocked", self._words("server.queued" if is_queued else "server.paused", turn)

    async def _queue(self, turn: RunningTurn) -> bool:
        """Whether somebody is asked for. Nothing runs in the turn any more that this could stop."""
        try:
            found = await self._handoffs.ask(turn.view, turn.session_id, turn.conversation_id, REASON)
        except Exception:  # whatever it is, the visitor must hear of an end
            log.exception("paused conversation not queued", client_id=turn.client_id, turn_id=turn.id)
            return False
        turn.fence = found.fence
        if found.state != "queued":
            # Somebody was quicker, and speaks for themselves.
            turn.handed_to = found.state
            return False
        turn.stream.hand_over(found.state)
        return True

    def _words(self, key: str, turn: RunningTurn) -> str:
        return label_in(key, turn.said(), turn.view.locales)
