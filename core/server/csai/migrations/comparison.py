"""What the models do not describe, and a comparison with them must pass over."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

WORD_INDEX = "knowledge_words"
MESSAGE_WORDS = "message_words"
VECTORS = "knowledge_vectors"
ON_POSTGRESQL_ALONE = frozenset({("column", "words"), ("index", "ix_messages_words")})


def include_name(name: str | None, kind: str, parents: MutableMapping[Any, str | None]) -> bool:
    """False for the word indexes and the vectors: other kinds of tables on each database, and SQLite keeps
    more behind the former. Messages have theirs in a column on PostgreSQL.
    """
    if parents.get("table_name") == "messages" and (kind, name) in ON_POSTGRESQL_ALONE:
        return False
    return kind != "table" or name is None or not name.startswith((WORD_INDEX, MESSAGE_WORDS, VECTORS))
