"""What a search for words looks for, in the language of each database's word index."""

from __future__ import annotations

import re
from collections.abc import Collection

MOST_WORDS = 12

_WORD = re.compile(r"[^\W_]+")


def words_of(search: str) -> list[str]:
    """Letters and digits alone, which no database reads as operators."""
    return list(dict.fromkeys(_WORD.findall(search.lower())))[:MOST_WORDS]


def on_postgresql(words: Collection[str], clients: Collection[str] | None) -> str:
    """All of the words, or beginnings of words, in a message of one of the clients; None: of any."""
    wanted = " & ".join(f"{word}:*" for word in words)
    owners = " | ".join(f"c{_hex(client)}" for client in sorted(clients or ()))
    return f"({owners}) & {wanted}" if owners else wanted


def on_sqlite(words: Collection[str], clients: Collection[str] | None) -> str:
    wanted = " AND ".join(f'words : "{word}" *' for word in words)
    owners = " OR ".join(f"own : c{_hex(client)}" for client in sorted(clients or ()))
    return f"({owners}) AND {wanted}" if owners else wanted


def _hex(client_id: str) -> str:
    return client_id.replace("-", "")
