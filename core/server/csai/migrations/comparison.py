"""What the models do not describe, and a comparison with them must pass over."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

WORD_INDEX = "knowledge_words"


def include_name(name: str | None, kind: str, _parents: MutableMapping[Any, str | None]) -> bool:
    """False for the word index: another kind of table on each database, and SQLite keeps more behind it."""
    return kind != "table" or name is None or not name.startswith(WORD_INDEX)
