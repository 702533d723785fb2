"""Conversations of a filter as a file of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from csai.conversations.list_repository import ConversationFilter, ConversationList
from csai.conversations.list_schemas import ConversationItem
from csai.conversations.list_view import item_of
from csai.database import Database
from csai.kit.cursor import Place
from csai.kit.spreadsheet import cell

PAGE = 500
NAMES = (*(name for name in ConversationItem.model_fields if name != "last_message"), "last_message")


async def exported(database: Database, asked: ConversationFilter) -> AsyncIterator[bytes]:
    """The file, some hundreds of conversations at a time; no connection is held between them."""
    place: Place | None = None
    # The mark by which spreadsheets know UTF-8.
    before = "\ufeff" + _lines([NAMES])
    while True:
        async with database.read() as connection:
            listed = ConversationList(connection, asked)
            rows = await listed.page(after=place, count=PAGE)
            excerpts = await listed.excerpts([row.id for row in rows])
        lines = (_line(item_of(row, excerpts.get(row.id))) for row in rows)
        yield (before + _lines(lines)).encode("utf-8", "replace")
        if len(rows) < PAGE:
            return
        place, before = rows[-1].place, ""


def _line(item: dict[str, Any]) -> Sequence[str]:
    last = item["last_message"]
    return [
        cell(value) for value in ({**item, "last_message": last and last["text"]}[name] for name in NAMES)
    ]


def _lines(rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
