"""The passages for a question: found by its words and by its vector, the words alone where that is late."""

from __future__ import annotations

import asyncio
import hashlib
import json
from array import array
from collections.abc import Sequence
from datetime import datetime

import structlog
from csai_sdk import Clock, Embeddings, Passage, ProviderError, Usage

from csai.chat.attempt import Attempts
from csai.chat.running import RunningTurn
from csai.chat.spending import UnderWay
from csai.config import Settings
from csai.database import Database
from csai.kit.cache import Cache
from csai.knowledge import hybrid, statements
from csai.knowledge.embedder import Embedder
from csai.knowledge.metering import bound_of, may_pay, model_call
from csai.knowledge.refusal import may_be_of_text
from csai.knowledge.repository import KnowledgeRepository
from csai.knowledge.vectors import VectorSearch
from csai.statement import Step
from csai.usage.counter import LimitReached

log = structlog.get_logger(__name__)

PASSAGES = 5
QUESTION_CHARS = 4_000
KEPT_S = 300
"""How long a question's vector is kept: for as long as others may ask the same."""
MAX_PAUSED = 10_000


class Retrieval:
    """Finds what a turn's model is to be shown of the client's knowledge."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        cache: Cache,
        clock: Clock,
        attempts: Attempts,
        vectors: VectorSearch,
    ) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache
        self._clock = clock
        self._attempts = attempts
        self._vectors = vectors
        self._paused: dict[tuple[str, str], float] = {}
        """By client and model: until when its embedding is left alone, as it failed."""

    async def passages(self, turn: RunningTurn) -> list[Passage]:
        """The passages that fit the turn's question best, best first."""
        # The visitor's word on an action asks nothing that a passage could answer.
        if not turn.view.has_knowledge or turn.decided is not None:
            return []
        embedder = turn.view.embedder
        made = await self._made(turn.client_id, embedder) if embedder else None
        if embedder is None or made is None:
            return await self._by_words(turn, limit=PASSAGES)
        by_vector = asyncio.create_task(self._by_vector(turn, embedder, made))
        try:
            words = await self._by_words(turn, limit=hybrid.RANKED)
        except BaseException:
            # What it used is booked, and its connection given back, before the turn goes on to its end.
            by_vector.cancel()
            await asyncio.wait([by_vector])
            raise
        near = await by_vector
        if not near:
            return words[:PASSAGES]
        scores = hybrid.fused([passage.id for passage in words], near)
        known = {passage.id for passage in words}
        missing = [key for key in list(scores)[:PASSAGES] if key not in known]
        return hybrid.chosen(scores, [*words, *await self._named(turn.client_id, missing)], limit=PASSAGES)

    async def _made(self, client_id: str, embedder: Embedder) -> tuple[int, int | None] | None:
        """The revision and the length of the client's vectors; None where it has none of the model."""
        (rows,) = await self._database.fetch(Step(statements.STATE, {"client": client_id}))
        return rows[0][1:] if rows and rows[0][0] == embedder.key else None

    async def _by_words(self, turn: RunningTurn, *, limit: int) -> list[Passage]:
        async with self._database.read() as connection:
            found = await KnowledgeRepository(connection, turn.client_id).search(turn.question, limit=limit)
        # Not that of the fused ranking, which tells of places alone: the first always has much.
        turn.best_passage = found[0].score if found else 0.0
        return found

    async def _named(self, client_id: str, ids: Sequence[str]) -> list[Passage]:
        if not ids:
            return []
        async with self._database.read() as connection:
            return await KnowledgeRepository(connection, client_id).named(ids)

    async def _by_vector(
        self, turn: RunningTurn, embedder: Embedder, made: tuple[int, int | None]
    ) -> list[str]:
        """The ids of the nearest passages; none where the embedding fails, is late, or may not be paid."""
        revision, length = made
        vector = await self._question_vector(turn, embedder)
        if vector is None:
            return []
        if length not in (None, len(vector)):
            log.warning(
                "the embedding model's vectors have another length than the knowledge's: make those anew",
                client_id=turn.client_id,
                remedy="csai client embeddings CLIENT --again",
            )
            return []
        try:
            async with asyncio.timeout(self._settings.question_embedding_s):
                found = await self._vectors.nearest(
                    turn.client_id,
                    embedder.key,
                    vector,
                    revision=revision,
                    limit=hybrid.RANKED,
                    least=embedder.min_similarity,
                )
        except TimeoutError:
            log.warning("vectors not searched in time", client_id=turn.client_id)
            return []
        return [each.passage_id for each in found]

    async def _question_vector(self, turn: RunningTurn, embedder: Embedder) -> Sequence[float] | None:
        text = embedder.cut(turn.question[:QUESTION_CHARS])
        if not embedder.traits.is_metered:
            return await self._embed(turn, embedder, text)
        key = _cache_key(turn.client_id, embedder, text)
        if (kept := await self._cache.get(key)) is not None:
            return array("f", kept)
        place = turn.client_id, embedder.key
        now = asyncio.get_running_loop().time()
        if self._paused.get(place, 0.0) > now or not may_pay(turn.view, embedder, at=self._clock.now()):
            return None
        vector = await self._embed(turn, embedder, text)
        if vector is not None:
            await self._cache.set(key, array("f", vector).tobytes(), lifetime_s=KEPT_S)
        return vector

    def _pause(self, client_id: str, embedder: Embedder) -> None:
        """Not every question should wait for a vendor that is away."""
        if len(self._paused) >= MAX_PAUSED:
            self._paused.clear()
        until = asyncio.get_running_loop().time() + self._settings.circuit_open_s
        self._paused[client_id, embedder.key] = until

    async def _embed(self, turn: RunningTurn, embedder: Embedder, text: str) -> Sequence[float] | None:
        """The vector, within a moment; what the call took is noted for the ledger."""
        is_metered = embedder.traits.is_metered
        bound, began = bound_of([text]), self._clock.now()
        if is_metered:
            turn.under_way = UnderWay(
                embedder.provider.id, embedder.model, bound.tokens_input, 0, 0, is_embedding=True
            )
            try:
                await self._attempts.set_aside(turn, bound, embedder.provider, embedder.model, at=began)
            except LimitReached:
                turn.under_way = None
                self._pause(turn.client_id, embedder)
                return None
        found: Embeddings | None = None
        failure: ProviderError | None = None
        try:
            found = await embedder.embed([text], "question", timeout_s=self._settings.question_embedding_s)
        except ProviderError as error:
            failure = error
            # What a vendor has against one visitor's words it need not have against another's.
            if error.retryable or not may_be_of_text(error):
                self._pause(turn.client_id, embedder)
            log.warning(
                "question not embedded, going by its words",
                client_id=turn.client_id,
                provider=embedder.provider.id,
                error=type(error).__name__,
            )
        finally:
            # Also when the turn is stopped.
            if is_metered:
                self._book(turn, embedder, bound, found, failure, began)
        return found.vectors[0] if found else None

    def _book(
        self,
        turn: RunningTurn,
        embedder: Embedder,
        bound: Usage,
        found: Embeddings | None,
        failure: ProviderError | None,
        began: datetime,
    ) -> None:
        turn.under_way = None
        call = model_call(turn.view, embedder, bound, found=found, failure=failure, at=began)
        if call is not None:
            turn.model_calls.append(call)


def _cache_key(client_id: str, embedder: Embedder, text: str) -> str:
    digest = hashlib.sha256(json.dumps([embedder.key, text]).encode()).hexdigest()
    return f"cache:{client_id}:question:{digest}"
