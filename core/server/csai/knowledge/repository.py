"""A client's passages, and the search among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from csai_sdk import Passage
from sqlalchemy import TextClause, bindparam, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.kit.identifier import new_id
from csai.knowledge.ingest import TITLE_CHARS, PassageDraft
from csai.knowledge.search import rank
from csai.knowledge.words import lexemes, terms
from csai.models import KnowledgePassage
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


INSERT_ON_SQLITE = _typed(
    "INSERT INTO knowledge_words (passage_id, client_id, words) VALUES (:passage_id, :client_id, :words)"
)
INSERT_ON_POSTGRESQL = _typed(
    "INSERT INTO knowledge_words (passage_id, client_id, words)"
    " VALUES (:passage_id, :client_id, CAST(:words AS tsvector))"
)
