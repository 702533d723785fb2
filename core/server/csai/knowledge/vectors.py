"""The passages nearest to a question's vector, among those of one client and one model.

Vectors are of length 1 and kept as numbers of two bytes. Where PostgreSQL has pgvector it compares them;
else they are bytes, and a client's are read once into this process and compared here until they change.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from csai.database import Database
from csai.knowledge import statements
from csai.knowledge.repository import has_pgvector
from csai.statement import Step

if TYPE_CHECKING:
    import numpy as np

log = structlog.get_logger(__name__)

MAX_BYTES = 256_000_000
"""Of all clients' vectors in this process. A client with more than this is searched by words alone."""
APART_ROWS = 5_000
"""From here on comparing takes long enough to leave the event loop for it."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A passage and its cosine similarity to the question."""

    passage_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class _Kept:
    """A client's vectors as rows of a matrix."""

    model: str
    revision: int
    ids: Sequence[str]
    rows: np.ndarray[Any, Any]

    def is_of(self, model: str, dimensions: int, revision: int) -> bool:
        return (self.model, self.rows.shape[1], self.revision) == (model, dimensions, revision)


class VectorSearch:
    """Nearest passages; what it keeps of clients is theirs alone and bounded."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size_bytes = 0
        self._has_pgvector: bool | None = None

    async def has_pgvector(self) -> bool:
        """Whether the database compares vectors itself; asked once."""
        if self._has_pgvector is None:
            async with self._database.read() as connection:
                self._has_pgvector = await has_pgvector(connection)
        return self._has_pgvector

    async def nearest(
        self, client_id: str, model: str, vector: Sequence[float], *, revision: int, limit: int, least: float
    ) -> list[Neighbour]:
        """The nearest passages, nearest first, as far as they are as similar as `least`.

        `revision` is that of the client's vectors: what was kept of another is read anew.
        """
        question = unit(vector)
        if question is None:
            return []
        if await self.has_pgvector():
            return await self._by_pgvector(client_id, model, question, limit=limit, least=least)
        kept = await self._matrix(client_id, model, len(question), revision)
        if kept is None or not len(kept.ids):
            return []
        if len(kept.ids) < APART_ROWS:
            return _nearest(kept, question, limit, least)
        return await asyncio.to_thread(_nearest, kept, question, limit, least)

    async def _by_pgvector(
        self, client_id: str, model: str, question: np.ndarray[Any, Any], *, limit: int, least: float
    ) -> list[Neighbour]:
        values = {
            "client": client_id,
            "model": model,
            "dimensions": len(question),
            "question": written(question),
            "most": limit,
        }
        (rows,) = await self._database.fetch(Step(statements.NEAREST, values))
        found = [Neighbour(str(row[0]), 1.0 - float(row[1])) for row in rows]
        return [each for each in found if each.similarity >= least]

    async def _matrix(self, client_id: str, model: str, dimensions: int, revision: int) -> _Kept | None:
        kept = self._kept.get(client_id)
        if kept is not None and kept.is_of(model, dimensions, revision):
            self._kept.move_to_end(client_id)
            return kept
        values = {"client": client_id, "model": model, "dimensions": dimensions}
        ((count,),) = (await self._database.fetch(Step(statements.COUNT_VECTORS, values)))[0]
        if count * dimensions * 4 > MAX_BYTES:
            log.warning("too many vectors to search here, going by words alone", client_id=client_id)
            return None
        (rows,) = await self._database.fetch(Step(statements.VECTORS, values))
        kept = await asyncio.to_thread(_read, rows, model, dimensions, revision)
        self._keep(client_id, kept)
        return kept

    def _keep(self, client_id: str, kept: _Kept) -> None:
        old = self._kept.pop(client_id, None)
        self._kept[client_id] = kept
        self._size_bytes += kept.rows.nbytes - (old.rows.nbytes if old else 0)
        while self._size_bytes > MAX_BYTES:
            self._size_bytes -= self._kept.popitem(last=False)[1].rows.nbytes


def unit(vector: Sequence[float]) -> np.ndarray[Any, Any] | None:
    """The vector at length 1; None where it points nowhere."""
    import numpy as np

    values = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(values))
    return values / length if length else None


def stored(vector: Sequence[float], *, is_pgvector: bool) -> bytes | str:
    """As the database takes it. One that points nowhere is kept so, and near to nothing."""
    import numpy as np

    values = unit(vector)
    if values is None:
        values = np.zeros(len(vector), dtype=np.float32)
    return written(values) if is_pgvector else values.astype("<f2").tobytes()


def as_bytes(kept: bytes | str) -> bytes:
    """A vector as it was read, as databases without pgvector keep it."""
    import numpy as np

    return kept if isinstance(kept, bytes) else np.array(json.loads(kept), dtype="<f2").tobytes()


def written(values: np.ndarray[Any, Any]) -> str:
    """The vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.5g}" for value in values.tolist()) + "]"


def _read(rows: Sequence[tuple[Any, ...]], model: str, dimensions: int, revision: int) -> _Kept:
    import numpy as np

    ids = [str(row[0]) for row in rows]
    packed = b"".join(bytes(row[1]) for row in rows)
    matrix = np.frombuffer(packed, dtype="<f2").astype(np.float32).reshape(len(ids), dimensions)
    return _Kept(model, revision, ids, matrix)


def _nearest(kept: _Kept, question: np.ndarray[Any, Any], limit: int, least: float) -> list[Neighbour]:
    import numpy as np

    similarities = kept.rows @ question
    count = min(limit, len(kept.ids))
    best = np.argpartition(-similarities, count - 1)[:count]
    # Equally near ones in the order of their ids, as everywhere.
    order = sorted(best.tolist(), key=lambda place: (-similarities[place], kept.ids[place]))
    found = [Neighbour(kept.ids[place], float(similarities[place])) for place in order]
    return [each for each in found if each.similarity >= least]
