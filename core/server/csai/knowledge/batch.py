"""A batch of passages on its way to a model: what it may take is set aside, what it took is booked.

It is claimed in one transaction, asked for outside of any, and ended in another together with its vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from csai_sdk import Clock, Embeddings, Passage, ProviderError, Usage

from csai.chat.repository import TurnRepository
from csai.chat.spending import BookedRow, ModelCall, beyond, booking, recovered
from csai.database import Conflict, Database
from csai.kit.identifier import new_id
from csai.kit.waiting import see_through
from csai.knowledge import statements
from csai.knowledge.embedder import Embedder
from csai.knowledge.metering import amounts, bound_of, model_call
from csai.knowledge.vectors import VectorSearch, stored
from csai.plugins.registry import PluginRegistry
from csai.plugins.view import ClientView
from csai.statement import Rows, Step
from csai.usage import counter

log = structlog.get_logger(__name__)

TIMEOUT_S = 60.0
PATIENCE = timedelta(seconds=3 * TIMEOUT_S)
"""How long a run may be silent until its client is due again."""


@dataclass(slots=True)
class Batch:
    """A call for vectors, claimed; and what came of it."""

    id: str
    period: str
    reserved: dict[str, int]
    bound: Usage
    began: datetime
    passages: Sequence[Passage]
    found: Embeddings | None = None
    is_other_length: bool = False
    """Whether its vectors cannot stand beside those that there are: they are paid, not kept."""
    failure: ProviderError | None = None


class BatchTaken(Exception):
    """Somebody took this batch for dead and gave its reservation back; rolls back."""


class Batches:
    """Claims batches and ends them; also those of processes that died."""

    def __init__(
        self, *, database: Database, clock: Clock, registry: PluginRegistry, vectors: VectorSearch
    ) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry
        self._vectors = vectors

    async def begin(
        self, view: ClientView, embedder: Embedder, passages: Sequence[Passage], texts: Sequence[str]
    ) -> Batch:
        """Claim the client and set aside the most that the call can take."""
        now = self._clock.now()
        bound = bound_of(texts) if embedder.traits.is_metered else Usage()
        reserved = amounts(view, embedder, bound, at=now)
        batch = Batch(new_id(), counter.period_of(now, view.client.timezone), reserved, bound, now, passages)
        values: dict[str, Any] = {
            "client_id": view.client.id,
            "id": batch.id,
            "provider": embedder.provider.id,
            "model": embedder.model,
            "bytes_input": bound.tokens_input,
            "period": batch.period,
            "reserved": reserved,
            "expires_at": now + PATIENCE,
        }
        steps = [Step(statements.BEGIN_BATCH, values)]
        if reserved:
            steps.append(counter.reserve(view.client.id, batch.period, reserved, view.limits))

        def check(results: list[Rows]) -> None:
            if reserved:
                counter.check_granted(results[-1], reserved, view.limits)

        await see_through(self._database.transact(*steps, check=check))
        return batch

    async def end(self, view: ClientView, embedder: Embedder, batch: Batch, after: Sequence[Step]) -> None:
        """Store the vectors, book the call, give back the rest and take the steps `after`, all at once."""
        call = model_call(
            view, embedder, batch.bound, found=batch.found, failure=batch.failure, at=batch.began
        )
        booked, used = self._booked(view.client.id, batch, call)
        kept = await self._kept(view.client.id, embedder, batch)
        settled = counter.settle(view.client.id, batch.period, used=used, released=batch.reserved)
        ended = Step(statements.END_BATCH, {"client": view.client.id, "batch": batch.id})
        try:
            await self._database.transact(ended, *kept, *after, *booked, *settled, check=_check_first)
        except (BatchTaken, Conflict):
            # It was given up meanwhile, and an estimate booked in the place of what the vendor reports.
            log.warning("embedding took too long and was given up", client_id=view.client.id)
            await self._database.transact(*kept, *after)
            await self._correct(view.client.id, batch, call)

    async def _correct(self, client_id: str, batch: Batch, call: ModelCall | None) -> None:
        """Take the estimate back and book what is known by now."""
        turns = TurnRepository(client_id)
        (rows,) = await self._database.fetch(turns.booked(batch.id))
        missing, spent = beyond([call] if call else [], [BookedRow(*row) for row in rows])
        await self._database.transact(
            *booking(turns, batch.id, batch.period, missing, first=len(rows) + 1),
            *counter.correct(client_id, batch.period, spent),
        )

    async def bury(self, view: ClientView, left: Any) -> None:
        """End the batch of a process that died: its vendor may have worked, so an estimate is booked."""
        note = {
            "provider": left.provider,
            "model": left.model,
            "bytes_input": left.bytes_input,
            "most_output": 0,
            "tokens_output": 0,
            "is_embedding": True,
        }
        calls = (
            recovered(
                {"under_way": note},
                providers=self._registry.providers,
                prices=view.prices,
                now=self._clock.now(),
            )
            if left.bytes_input
            else []
        )
        used = {
            "tokens": sum(call.usage.tokens_input for call in calls),
            "cost": sum(call.cost_micros for call in calls),
        }
        client_id = view.client.id
        with suppress(BatchTaken, Conflict):
            await self._database.transact(
                Step(statements.END_BATCH, {"client": client_id, "batch": left.id}),
                *booking(TurnRepository(client_id), left.id, left.period, calls),
                *counter.settle(client_id, left.period, used=used, released=left.reserved),
                check=_check_first,
            )

    def _booked(
        self, client_id: str, batch: Batch, call: ModelCall | None
    ) -> tuple[list[Step], dict[str, int]]:
        if call is None:
            return [], {}
        steps = booking(TurnRepository(client_id), batch.id, batch.period, [call])
        return steps, {"tokens": call.usage.tokens_input, "cost": call.cost_micros}

    async def _kept(self, client_id: str, embedder: Embedder, batch: Batch) -> list[Step]:
        if batch.found is None or batch.is_other_length:
            return []
        is_pgvector = await self._vectors.has_pgvector()
        statement = statements.KEEP_PGVECTOR if is_pgvector else statements.KEEP_BYTES
        return [
            Step(
                statement,
                {
                    "client": client_id,
                    "passage": passage.id,
                    "model": embedder.key,
                    "dimensions": len(vector),
                    "vector": stored(vector, is_pgvector=is_pgvector),
                },
            )
            for passage, vector in zip(batch.passages, batch.found.vectors, strict=True)
        ]


def _check_first(results: list[Rows]) -> None:
    if not results[0]:
        raise BatchTaken
