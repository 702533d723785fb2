"""A client's passages, and the search among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from csai_sdk import Passage
from sqlalchemy import (
    Integer,
    Text,
    TextClause,
    bindparam,
    column,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.knowledge.ingest import TITLE_CHARS, PassageDraft
from csai.knowledge.search import rank
from csai.knowledge.words import lexemes, terms
from csai.models import Client, EmbeddingBatch, EmbeddingRefusal, KnowledgeEmbedding, KnowledgePassage
from csai.models.base import Id

BATCH = 200


class KnowledgeRepository:
    """The knowledge of one client."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def search(self, question: str, *, limit: int = 5) -> list[Passage]:
        """The passages that fit the question best, best first; none where no word of it is known."""
        wanted = terms(self._client_id, question)
        return await rank(self._connection, self._client_id, wanted, limit=limit) if wanted else []

    async def passages(self, *, limit: int = 100, after: str | None = None) -> list[Passage]:
        """The passages in the order they were added, from the one behind `after`."""
        table = KnowledgePassage
        own = select(table.id, table.title, table.content, table.url).where(
            table.client_id == self._client_id
        )
        if after is not None:
            own = own.where(table.id > after)
        rows = await self._connection.execute(own.order_by(table.id).limit(limit))
        return [Passage(id=row.id, title=row.title, text=row.content, url=row.url) for row in rows]

    async def named(self, ids: Sequence[str]) -> list[Passage]:
        """Those of the passages that there are, in no order."""
        table = KnowledgePassage
        own = select(table.id, table.title, table.content, table.url).where(
            table.client_id == self._client_id, table.id.in_(ids)
        )
        rows = await self._connection.execute(own)
        return [Passage(id=row.id, title=row.title, text=row.content, url=row.url) for row in rows]

    async def add(self, drafts: Iterable[PassageDraft], *, at: datetime) -> list[str]:
        """Keep the passages together with their words; their ids, in order."""
        drafts = list(drafts)
        ids = sorted(new_id() for _ in drafts)
        rows = [self._row(key, draft, at) for key, draft in zip(ids, drafts, strict=True)]
        is_sqlite = self._connection.dialect.name == "sqlite"
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            # Cutting words is work for the processor: a long document must not hold up the event loop.
            words = await asyncio.to_thread(_word_rows, batch, are_ids_words=is_sqlite)
            await self._connection.execute(insert(KnowledgePassage), batch)
            await self._connection.execute(INSERT_ON_SQLITE if is_sqlite else INSERT_ON_POSTGRESQL, words)
        await EmbeddingRepository(self._connection, self._client_id).make_due(at=at)
        return ids

    async def add_new(self, drafts: Iterable[PassageDraft], *, at: datetime) -> list[str]:
        """Keep the passages that are not known to the word already; the ids of those added."""
        table = KnowledgePassage
        own = select(table.title, table.content).where(table.client_id == self._client_id)
        known = {tuple(row) for row in await self._connection.execute(own)}
        new = {(_storable(draft.title)[:TITLE_CHARS], _storable(draft.content)): draft for draft in drafts}
        return await self.add([draft for words, draft in new.items() if words not in known], at=at)

    async def replace_all(self, drafts: Iterable[PassageDraft], *, at: datetime) -> list[str]:
        """Forget what was known and keep these passages instead."""
        await self._connection.execute(
            delete(KnowledgePassage).where(KnowledgePassage.client_id == self._client_id)
        )
        return await self.add(drafts, at=at)

    def _row(self, key: str, draft: PassageDraft, at: datetime) -> dict[str, Any]:
        return {
            "id": key,
            "client_id": self._client_id,
            "title": _storable(draft.title)[:TITLE_CHARS],
            "url": _storable(draft.url),
            "content": _storable(draft.content),
            "created_at": at,
        }


@dataclass(frozen=True, slots=True)
class EmbeddingState:
    """How far a client's passages have vectors."""

    model: str
    revision: int
    due_at: datetime | None
    failures: int
    error: str | None
    dimensions: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A passage that lacks a vector; `tries`, and the code of the last, where it was asked for alone."""

    passage: Passage
    tries: int
    error: str | None

    @property
    def is_tried(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A passage of which a model makes no vector."""

    id: str
    title: str
    error: str
    tries: int
    tried_at: datetime


class EmbeddingRepository:
    """The vectors of one client's passages."""

    def __init__(self, connection: AsyncConnection, client_id: str) -> None:
        self._connection = connection
        self._client_id = client_id

    async def make_due(self, *, at: datetime) -> None:
        """Something has changed: what lacks a vector is to be embedded."""
        table = KnowledgeEmbedding
        changed = await self._connection.execute(
            update(table)
            .where(table.client_id == self._client_id)
            .values(revision=table.revision + 1, due_at=at, failures=0, error=None, updated_at=at)
        )
        if not changed.rowcount:
            await self._connection.execute(
                insert(table).values(
                    client_id=self._client_id,
                    model="",
                    revision=1,
                    due_at=at,
                    failures=0,
                    error=None,
                    dimensions=None,
                    updated_at=at,
                )
            )

    async def state(self) -> EmbeddingState | None:
        """None where the client never had knowledge."""
        table = KnowledgeEmbedding
        own = select(
            *(table.model, table.revision, table.due_at, table.failures, table.error, table.dimensions)
        ).where(table.client_id == self._client_id)
        row = (await self._connection.execute(own)).first()
        return EmbeddingState(*row) if row else None

    async def put_off(self, *, due: datetime, until: datetime) -> bool:
        """Take what is due upon oneself; False where another has done so."""
        table = KnowledgeEmbedding
        own = update(table).where(table.client_id == self._client_id, table.due_at == due)
        return (await self._connection.execute(own.values(due_at=until))).rowcount == 1

    async def missing(self, model: str, *, limit: int) -> list[Missing]:
        """Passages that have no vector of the model, oldest first; those tried alone come last."""
        values = {"client_id": self._client_id, "model": model, "limit": limit}
        rows = await self._connection.execute(MISSING, values)
        return [
            Missing(Passage(id=row.id, title=row.title, text=row.content), row.tries, row.error)
            for row in rows
        ]

    async def has_vectors(self, model: str) -> bool:
        values = {"client_id": self._client_id, "model": model}
        return (await self._connection.execute(HAS_VECTORS, values)).first() is not None

    async def given_up(self, model: str, *, limit: int) -> tuple[int, list[GivenUp]]:
        """How many passages the model makes no vector of, and the latest of them."""
        table, passage = EmbeddingRefusal, KnowledgePassage
        own = (table.client_id == self._client_id, table.model == model, table.is_given_up)
        count = (await self._connection.execute(select(func.count()).select_from(table).where(*own))).scalar()
        latest = (
            select(passage.id, passage.title, table.error, table.tries, table.tried_at)
            .join(passage, (passage.id == table.passage_id) & (passage.client_id == table.client_id))
            .where(*own)
            .order_by(table.tried_at.desc(), passage.id)
            .limit(limit)
        )
        return count or 0, [GivenUp(*row) for row in await self._connection.execute(latest)]

    async def counts(self, model: str) -> tuple[int, int]:
        """How many passages there are, and how many have a vector of the model."""
        table = KnowledgePassage
        own = select(func.count()).select_from(table).where(table.client_id == self._client_id)
        passages = (await self._connection.execute(own)).scalar_one()
        values = {"client_id": self._client_id, "model": model}
        return passages, (await self._connection.execute(COUNT_EMBEDDED, values)).scalar_one()

    async def forget(self) -> None:
        """Drop all vectors, for them to be made anew."""
        await self._connection.execute(FORGET, {"client_id": self._client_id})
        own = KnowledgeEmbedding.client_id == self._client_id
        await self._connection.execute(update(KnowledgeEmbedding).where(own).values(dimensions=None))
        await self.forget_refusals()

    async def forget_refusals(self) -> None:
        """Try again what was given up."""
        table = EmbeddingRefusal
        await self._connection.execute(delete(table).where(table.client_id == self._client_id))

    async def expired_batch(self, *, now: datetime) -> Any:
        """The row of the batch that a process left behind, if one did."""
        table = EmbeddingBatch
        own = select(table).where(table.client_id == self._client_id, table.expires_at < now)
        return (await self._connection.execute(own)).first()


async def has_pgvector(connection: AsyncConnection) -> bool:
    """Whether the database compares vectors itself: what migrations found there."""
    if connection.dialect.name == "sqlite":
        return False
    return (await connection.execute(VECTOR_TYPE)).scalar() == "halfvec"


async def due_embeddings(
    connection: AsyncConnection, *, now: datetime, count: int
) -> list[tuple[str, datetime]]:
    """Clients with something to embed, the longest due first, and since when."""
    table = KnowledgeEmbedding
    statement = (
        select(table.client_id, table.due_at)
        .join(Client, Client.id == table.client_id)
        .where(table.due_at <= now, Client.status == "active")
        .order_by(table.due_at, table.client_id)
        .limit(count)
    )
    return [(client_id, due) for client_id, due in await connection.execute(statement) if due is not None]


def _word_rows(passages: Sequence[Mapping[str, Any]], *, are_ids_words: bool) -> list[dict[str, str]]:
    """Rows of the word index. On SQLite a passage's id is a word too: by it the row is found for deletion."""
    rows = []
    for passage in passages:
        words = lexemes(passage["client_id"], passage["title"], passage["content"])
        if are_ids_words:
            words.append(passage["id"].replace("-", ""))
        rows.append(
            {"passage_id": passage["id"], "client_id": passage["client_id"], "words": " ".join(words)}
        )
    return rows


def _storable(value: str) -> str:
    """Without what a database refuses: NUL, and halves of surrogate pairs."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _typed(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("passage_id", type_=Id), bindparam("client_id", type_=Id))


def _own(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("client_id", type_=Id))


INSERT_ON_SQLITE = _typed(
    "INSERT INTO knowledge_words (passage_id, client_id, words) VALUES (:passage_id, :client_id, :words)"
)
INSERT_ON_POSTGRESQL = _typed(
    "INSERT INTO knowledge_words (passage_id, client_id, words)"
    " VALUES (:passage_id, :client_id, CAST(:words AS tsvector))"
)
MISSING = _own("""
    SELECT passage.id, passage.title, passage.content, coalesce(tried.tries, 0) AS tries, tried.error
    FROM knowledge_passages AS passage
    LEFT JOIN knowledge_vectors AS kept ON kept.passage_id = passage.id
        AND kept.client_id = passage.client_id AND kept.model = :model
    LEFT JOIN embedding_refusals AS tried ON tried.passage_id = passage.id
        AND tried.client_id = passage.client_id AND tried.model = :model
    WHERE passage.client_id = :client_id AND kept.passage_id IS NULL
        AND (tried.is_given_up IS NULL OR NOT tried.is_given_up)
    ORDER BY CASE WHEN tried.passage_id IS NULL THEN 0 ELSE 1 END, tried.tried_at, passage.id LIMIT :limit
""").columns(
    column("id", Id),
    column("title", Text),
    column("content", Text),
    column("tries", Integer),
    column("error", Text),
)
HAS_VECTORS = _own("SELECT 1 FROM knowledge_vectors WHERE client_id = :client_id AND model = :model LIMIT 1")
COUNT_EMBEDDED = _own(
    "SELECT count(*) FROM knowledge_vectors WHERE client_id = :client_id AND model = :model"
)
FORGET = _own("DELETE FROM knowledge_vectors WHERE client_id = :client_id")
VECTOR_TYPE = text("""
    SELECT format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass('knowledge_vectors') AND attname = 'vector'
""")
