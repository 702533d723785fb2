"""Making the vectors of passages, batch by batch, in durable runs.

A process that dies leaves its batch behind: whoever comes next books an estimate for it and goes on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import structlog
from csai_sdk import Clock, ProviderContextTooLong, ProviderError

from csai.clients.repository import ClientRepository
from csai.config import Settings
from csai.database import Conflict, Database
from csai.kit.waiting import see_through
from csai.knowledge import statements
from csai.knowledge.batch import PATIENCE, TIMEOUT_S, Batch, Batches
from csai.knowledge.embedder import Embedder, EmbeddingChoice
from csai.knowledge.metering import may_pay
from csai.knowledge.refusal import forgotten, may_be_of_text, next_ones, tried
from csai.knowledge.repository import EmbeddingRepository, EmbeddingState, Missing, due_embeddings
from csai.knowledge.vectors import VectorSearch
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView, ClientViews
from csai.statement import Step
from csai.usage import counter

log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 4
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 3_600
REFUSED_WAIT_S = 900
"""Where trying again cannot help by itself: somebody may have mended the key."""
LIMIT_WAIT_S = 3_600
MOST_DOUBLINGS = 10
LEAST_CHARS = 200

Progress = Literal["more", "done"]


class KnowledgeEmbeddings:
    """Looks after the vectors of all clients' passages."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        views: ClientViews,
        registry: PluginRegistry,
        vectors: VectorSearch,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._views = views
        self._batches = Batches(database=database, clock=clock, registry=registry, vectors=vectors)

    async def claim(self) -> list[str]:
        """Clients whose passages are this process' to embed; others leave them alone for a while."""
        now = self._clock.now()
        async with self._database.read() as connection:
            due = await due_embeddings(connection, now=now, count=CLAIMED_AT_ONCE)
        if not due:
            return []
        async with self._database.write() as transaction:
            return [
                client_id
                for client_id, since in due
                if await EmbeddingRepository(transaction, client_id).put_off(due=since, until=now + PATIENCE)
            ]

    async def look_after(self, client_id: str) -> dict[str, bool]:
        """Have a client's vectors made where another model than theirs is in use by now.

        What decides on it (the installation's default, a plugin, a key) need not know of vectors.
        """
        async with self._database.read() as connection:
            state = await EmbeddingRepository(connection, client_id).state()
            client = await ClientRepository(connection, client_id).get()
        if state is None or state.due_at is not None:
            return {"is_due": state is not None}
        view = await self._views.get(client_id, client.config_version)
        is_due = view.embedder is not None and view.embedder.key != state.model
        if is_due:
            async with self._database.write() as transaction:
                await EmbeddingRepository(transaction, client_id).make_due(at=self._clock.now())
        return {"is_due": is_due}

    async def run_batch(self, client_id: str) -> Progress:
        """Embed some of what lacks vectors; whether there may be more. Safe to repeat, and twice at once."""
        async with self._database.read() as connection:
            repository = EmbeddingRepository(connection, client_id)
            state = await repository.state()
            left = await repository.expired_batch(now=self._clock.now())
            client = await ClientRepository(connection, client_id).get()
        if state is None:
            return "done"
        view = await self._views.get(client_id, client.config_version)
        self._views.hold(view)
        try:
            if left is not None:
                await self._batches.bury(view, left)
            return await self._run(view, state)
        finally:
            await self._views.release(view)

    async def _run(self, view: ClientView, state: EmbeddingState) -> Progress:
        embedder, now = view.embedder, self._clock.now()
        if embedder is None:
            wanted = EmbeddingChoice.of(view.client.settings, default=self._settings.embeddings)
            if wanted.ref is None:
                await self._put(view, state, model="", due=None)
            else:
                await self._wait(view, state, REFUSED_WAIT_S, "model_unusable")
            return "done"
        if view.is_paused:
            await self._wait(view, state, REFUSED_WAIT_S, "paused")
            return "done"
        if not may_pay(view, embedder, at=now):
            await self._wait(view, state, LIMIT_WAIT_S, "price_unknown")
            return "done"
        async with self._database.read() as connection:
            repository = EmbeddingRepository(connection, view.client.id)
            size = max(1, embedder.traits.max_batch >> state.failures)
            missing = next_ones(await repository.missing(embedder.key, limit=size))
            is_working = await repository.has_vectors(embedder.key)
        if not missing:
            await self._put(view, state, model=embedder.key, due=None)
            return "done"
        texts = [_text(embedder, each) for each in missing]
        try:
            batch = await self._batches.begin(view, embedder, [each.passage for each in missing], texts)
        except counter.LimitReached:
            await self._wait(view, state, LIMIT_WAIT_S, "limit_reached")
            return "done"
        except Conflict:
            return "done"  # Another is at it.
        try:
            batch.found = await embedder.embed(texts, "passage", timeout_s=TIMEOUT_S)
            length = len(batch.found.vectors[0])
            batch.is_other_length = is_working and state.dimensions not in (None, length)
        except ProviderError as error:
            batch.failure = error
        finally:
            # Also when the process stops: what is known to be spent is booked, what was set aside given back.
            progress, after = self._after(view, embedder, state, batch, missing, is_working=is_working)
            await see_through(self._batches.end(view, embedder, batch, after))
        return progress

    def _after(
        self,
        view: ClientView,
        embedder: Embedder,
        state: EmbeddingState,
        batch: Batch,
        asked: Sequence[Missing],
        *,
        is_working: bool,
    ) -> tuple[Progress, list[Step]]:
        """Whether there may be more at once, and how the client stands once the batch is over."""
        now = self._clock.now()
        if batch.is_other_length:
            log.warning("the model's vectors have another length than before", client_id=view.client.id)
            due = now + timedelta(seconds=LONGEST_WAIT_S)
            return "done", [self._state(view, state, due=due, error="length_changed")]
        if batch.found is not None:
            length = len(batch.found.vectors[0])
            due = now + PATIENCE
            return "more", [
                self._state(view, state, model=embedder.key, dimensions=length, due=due, step=1),
                *(forgotten(view.client.id, each) for each in asked if each.is_tried),
            ]
        if batch.failure is None:
            due = now + timedelta(seconds=FIRST_WAIT_S)
            return "done", [self._state(view, state, due=due, error="interrupted")]
        return self._after_failure(view, embedder, state, batch.failure, asked, is_working=is_working)

    def _after_failure(
        self,
        view: ClientView,
        embedder: Embedder,
        state: EmbeddingState,
        failure: ProviderError,
        asked: Sequence[Missing],
        *,
        is_working: bool,
    ) -> tuple[Progress, list[Step]]:
        now, error, of_text = self._clock.now(), error_code(failure), may_be_of_text(failure)
        noted = []
        if of_text and len(asked) == 1:
            noted = tried(
                view.client.id,
                asked[0],
                model=embedder.key,
                failure=failure,
                error=error,
                is_working=is_working,
                now=now,
            )
            if is_working and not asked[0].is_tried:
                # The others are taken, as far as one knows: they need not wait.
                return "more", [*noted, self._state(view, state, due=now + PATIENCE)]
        wait_s = _wait_s(failure, state.failures)
        if of_text and is_working and len(asked) > 1:
            # One of the texts, perhaps: half of them will tell.
            wait_s = min(wait_s, FIRST_WAIT_S)
        log.warning("passages not embedded", client_id=view.client.id, error=error, wait_s=wait_s)
        return "done", [*noted, self._state(view, state, due=now + timedelta(seconds=wait_s), error=error)]

    async def _put(
        self, view: ClientView, state: EmbeddingState, *, model: str, due: datetime | None
    ) -> None:
        await self._database.transact(self._state(view, state, model=model, due=due))

    async def _wait(self, view: ClientView, state: EmbeddingState, wait_s: int, error: str) -> None:
        due = self._clock.now() + timedelta(seconds=wait_s)
        await self._database.transact(self._state(view, state, due=due, error=error))

    def _state(
        self,
        view: ClientView,
        state: EmbeddingState,
        *,
        due: datetime | None,
        model: str | None = None,
        dimensions: int | None = None,
        error: str | None = None,
        step: int = 0,
    ) -> Step:
        values = {
            "client": view.client.id,
            "seen": state.revision,
            "new_model": state.model if model is None else model,
            "new_dimensions": dimensions or state.dimensions,
            "step": step,
            "due": due,
            "new_failures": state.failures + 1 if error else 0,
            "new_error": error,
            "now": self._clock.now(),
        }
        return Step(statements.KEEP_STATE, values)


def error_code(error: ProviderError) -> str:
    """`ProviderRateLimited` is `rate_limited`."""
    name = type(error).__name__.removeprefix("Provider")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()[:100]


def _text(embedder: Embedder, found: Missing) -> str:
    """What stands for the passage; less of it where it was too long when it was asked for alone."""
    text = embedder.cut(f"{found.passage.title}\n{found.passage.text}".strip())
    is_too_long = found.error == error_code(ProviderContextTooLong(""))
    return text[: max(LEAST_CHARS, len(text) >> found.tries)] if is_too_long else text


def _wait_s(failure: ProviderError, failures: int) -> float:
    if not failure.retryable:
        # A smaller batch, or shorter texts, may be taken at once.
        return FIRST_WAIT_S if isinstance(failure, ProviderContextTooLong) else REFUSED_WAIT_S
    return max(
        min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, MOST_DOUBLINGS)), failure.retry_after_s or 0
    )
