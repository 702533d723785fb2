"""Ranking passages by the words they share with a question, in two statements.

The first counts how many of the client's passages have each word. Rare words then decide, and the common ones
join in only while the passages to weigh stay few: a search does not slow down with what everybody writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import log1p

from csai_sdk import Passage
from sqlalchemy import Executable, Integer, Text, bindparam, column, text
from sqlalchemy.ext.asyncio import AsyncConnection

from csai.knowledge.words import Term
from csai.models.base import Id

COUNTED = 1_000
"""Counting stops here: a word in so many passages is common, whatever the exact number."""
WEIGHED = 5_000
GAIN_UNIT = 1_000
"""Gains are integers: a sum of floats depends on its order, and equally good passages would swap places."""
ALL = -1


async def rank(
    connection: AsyncConnection, client_id: str, terms: Sequence[Term], *, limit: int
) -> list[Passage]:
    """The client's passages that have most of the terms, best first.

    A score is the part of the question that the passage has, from 0 to 1.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    lexemes = [term.lexeme for term in terms]
    count = {"client_id": client_id, "lexemes": json.dumps(lexemes) if is_sqlite else lexemes}
    counted = await connection.execute(COUNT_ON_SQLITE if is_sqlite else COUNT_ON_POSTGRESQL, count)
    found = {row.position: row.found for row in counted}
    gains = [_gain(term, found[position], found[ALL]) for position, term in enumerate(terms)]
    chosen = {lexemes[position]: gains[position] for position in _affordable(found)}
    if not chosen:
        return []
    best = {"client_id": client_id, "limit": limit}
    best |= (
        {"gains": json.dumps(chosen)}
        if is_sqlite
        else {"lexemes": list(chosen), "gains": list(chosen.values())}
    )
    rows = await connection.execute(BEST_ON_SQLITE if is_sqlite else BEST_ON_POSTGRESQL, best)
    return [Passage(row.id, row.title, row.content, row.url, int(row.gain) / sum(gains)) for row in rows]


def _gain(term: Term, found: int, passages: int) -> int:
    """What having the term is worth: the less, the more passages have it."""
    return int(GAIN_UNIT * term.weight * log1p((passages + 0.5) / (found + 0.5)))


def _affordable(found: Mapping[int, int]) -> list[int]:
    """Positions of the terms to weigh passages by, rarest first, the rarest in any case."""
    present = [position for position, passages in found.items() if position != ALL and passages]
    present.sort(key=lambda position: (found[position], position))
    total = 0
    for taken, position in enumerate(present):
        total += found[position]
        if taken and total > WEIGHED:
            return present[:taken]
    return present


def _count(statement: str) -> Executable:
    own = bindparam("client_id", type_=Id)
    return text(statement).bindparams(own, all=ALL, counted=COUNTED)


def _best(statement: str) -> Executable:
    own = bindparam("client_id", type_=Id)
    columns = (column("id", Id), column("title", Text), column("url", Text), column("content", Text))
    return text(statement).bindparams(own).columns(*columns, column("gain", Integer))


COUNT_ON_SQLITE = _count("""
    SELECT wanted.key AS position, (
        SELECT count(*) FROM (
            SELECT 1 FROM knowledge_words WHERE knowledge_words MATCH wanted.value LIMIT :counted
        )
    ) AS found
    FROM json_each(:lexemes) AS wanted
    UNION ALL
    SELECT :all, count(*) FROM (SELECT 1 FROM knowledge_passages WHERE client_id = :client_id LIMIT :counted)
""")
# CROSS JOIN: SQLite then keeps the order of the tables, from the few best to their passages.
BEST_ON_SQLITE = _best("""
    WITH best AS (
        SELECT entry.rowid AS place, sum(wanted.value) AS gain
        FROM json_each(:gains) AS wanted
        CROSS JOIN knowledge_words AS entry ON entry.knowledge_words MATCH wanted.key
        GROUP BY entry.rowid ORDER BY gain DESC, place LIMIT :limit
    )
    SELECT passage.id, passage.title, passage.url, passage.content, best.gain FROM best
    CROSS JOIN knowledge_words AS entry ON entry.rowid = best.place
    CROSS JOIN knowledge_passages AS passage
        ON passage.id = entry.passage_id AND passage.client_id = :client_id
    ORDER BY best.gain DESC, best.place
""")
COUNT_ON_POSTGRESQL = _count("""
    SELECT wanted.number - 1 AS position, (
        SELECT count(*) FROM (
            SELECT 1 FROM knowledge_words WHERE words @@ CAST(wanted.lexeme AS tsquery) LIMIT :counted
        ) AS capped
    ) AS found
    FROM unnest(CAST(:lexemes AS text[])) WITH ORDINALITY AS wanted(lexeme, number)
    UNION ALL
    SELECT CAST(:all AS int), count(*) FROM (
        SELECT 1 FROM knowledge_passages WHERE client_id = :client_id LIMIT :counted
    ) AS capped
""")
BEST_ON_POSTGRESQL = _best("""
    WITH best AS (
        SELECT entry.passage_id, sum(wanted.gain) AS gain
        FROM unnest(CAST(:lexemes AS text[]), CAST(:gains AS int[])) AS wanted(lexeme, gain)
        JOIN knowledge_words AS entry ON entry.words @@ CAST(wanted.lexeme AS tsquery)
        GROUP BY entry.passage_id ORDER BY gain DESC, entry.passage_id LIMIT :limit
    )
    SELECT passage.id, passage.title, passage.url, passage.content, best.gain FROM best
    JOIN knowledge_passages AS passage
        ON passage.id = best.passage_id AND passage.client_id = :client_id
    ORDER BY best.gain DESC, passage.id
""")
