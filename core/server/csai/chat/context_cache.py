"""The context cache: a conversation's recent messages, so that its next turn need not ask the database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from csai.chat.repository import HistoryRow, TurnRepository
from csai.chat.running import RunningTurn
from csai.chat.settle import parts_of
from csai.config import Settings
from csai.database import Database
from csai.kit.cache import Cache

log = structlog.get_logger(__name__)

MAX_BYTES = 128_000


class Contexts:
    """What was said before a turn.

    What is kept names the message that comes next and where the summary ended. A turn believes it only where
    both are its own: whatever happened to the conversation elsewhere, by another process or a teammate, has
    moved one of them.
    """

    def __init__(self, *, settings: Settings, database: Database, cache: Cache) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache

    async def recent(self, turn: RunningTurn) -> Sequence[HistoryRow]:
        """The messages before the turn that no summary tells, newest first."""
        if turn.seq == 1:
            return ()
        if self._settings.context_cache_s:
            kept = await self._cache.get(context_key(turn.client_id, turn.session_id))
            rows = _read(kept, turn) if kept is not None else None
            if rows is not None:
                return rows
        step = TurnRepository(turn.client_id).history(
            turn.conversation_id,
            after=turn.summary_seq,
            before=turn.seq,
            count=self._settings.history_messages,
        )
        return [HistoryRow(*row) for row in (await self._database.fetch(step))[0]]

    async def keep(self, turn: RunningTurn, outcome: Mapping[str, Any]) -> None:
        """Keep what the next turn is to see of a turn that this process has settled."""
        message = outcome["message"]
        history = () if turn.seq == 1 else turn.history
        is_its_own = turn.is_settled and message["id"] in turn.written
        if not self._settings.context_cache_s or history is None or not is_its_own:
            return
        if outcome["status"] == "handed_off":
            return  # The next to speak is a teammate, and nobody keeps up with that here.
        content = message["content"]
        rows = [
            ("assistant", content, parts_of(turn, outcome["status"], content)),
            ("user", turn.question, None),
            *((row.role, row.content, row.parts) for row in history),
        ][: self._settings.history_messages]
        kept = {"next": turn.seq + 2, "after": turn.summary_seq, "rows": rows}
        value = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
        if len(value) <= MAX_BYTES:
            await self._cache.set(
                context_key(turn.client_id, turn.session_id), value, lifetime_s=self._settings.context_cache_s
            )


def context_key(client_id: str, session_id: str) -> str:
    return f"conversation:{client_id}:{session_id}"


def _read(kept: bytes, turn: RunningTurn) -> list[HistoryRow] | None:
    try:
        found = json.loads(kept)
        if (found["next"], found["after"]) != (turn.seq, turn.summary_seq):
            return None
        return [HistoryRow(*row) for row in found["rows"]]
    except (ValueError, TypeError, KeyError):
        log.warning("what the cache holds is no context")
        return None
