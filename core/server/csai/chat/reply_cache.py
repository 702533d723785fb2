"""The response cache: a first question that was asked a moment ago is answered without a model.

Only where the answer cannot depend on who asks: no visitor is named, nothing was said before, no tool ran,
and no plugin adds to the prompt. Everything else it depends on is in the key, by the client's
`config_version`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import structlog

from csai.chat.running import CachedReply, RunningTurn
from csai.config import Settings
from csai.kit.cache import Cache

log = structlog.get_logger(__name__)

MAX_BYTES = 64_000


class ReplyCache:
    """Answers of one client, for its own next visitors."""

    def __init__(self, *, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache

    async def answer(self, turn: RunningTurn) -> bool:
        """Answer the turn as the same question was answered before; whether that could be done."""
        turn.cache_key = self._key(turn)
        if turn.cache_key is None:
            return False
        kept = await self._cache.get(turn.cache_key)
        turn.cached = _read(kept) if kept is not None else None
        if turn.cached is None:
            return False
        turn.texts.append(turn.cached.text)
        turn.stream.text(turn.cached.text)
        return True

    async def keep(self, turn: RunningTurn, outcome: Mapping[str, Any]) -> None:
        """Keep the answer of a turn that has been settled, where it may serve others."""
        if turn.cache_key is None or not _may_serve_others(turn, outcome):
            return
        (call,) = turn.answering()
        value = json.dumps(
            {
                "text": outcome["message"]["content"],
                "citations": outcome["citations"],
                "tokens": call.usage.tokens_input + call.usage.tokens_output,
                "cost_micros": call.cost_micros,
            },
            ensure_ascii=False,
        ).encode()
        if len(value) <= MAX_BYTES:
            await self._cache.set(turn.cache_key, value, lifetime_s=self._settings.response_cache_s)

    def _key(self, turn: RunningTurn) -> str | None:
        """Where the answer is kept; None for a turn that has no business in the cache."""
        view = turn.view
        if (
            turn.seq > 1
            # Whoever tests wants to see the model, perhaps another than the client's.
            or turn.trial is not None
            or not turn.is_anonymous
            or not self._settings.response_cache_s
            or view.client.settings.get("response_cache") == "off"
            or not turn.chain
            # Its plugin sees the conversation, so what it adds may differ by visitor.
            or "before_model_call" in view.hooks
        ):
            return None
        chosen = turn.chain[0]
        arm = turn.arm.arm.name if turn.arm is not None else ""
        # The installation's own settings are not in `config_version`, and Redis outlives a restart.
        depends_on = (
            *(view.version, arm, turn.question.strip(), chosen.provider.id, chosen.model),
            *(self._settings.max_output_tokens, self._settings.temperature),
        )
        digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
        return f"cache:{turn.client_id}:{digest}"


def _may_serve_others(turn: RunningTurn, outcome: Mapping[str, Any]) -> bool:
    """Whether it is the whole answer of the client's own model, found without a tool."""
    return (
        outcome["status"] == "completed"
        and turn.cached is None
        and turn.provider_index == 0
        and len(turn.answering()) == 1
        and turn.stop_reason == "end"
        and not turn.rounds
        and not turn.executions
    )


def _read(kept: bytes) -> CachedReply | None:
    try:
        found = json.loads(kept)
        return CachedReply(
            str(found["text"]), found["citations"], int(found["tokens"]), int(found["cost_micros"])
        )
    except (ValueError, TypeError, KeyError):
        log.warning("what the cache holds is no answer")
        return None
