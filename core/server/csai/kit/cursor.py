"""Where a page of a list ended: opaque to callers, and not moved by what comes or goes meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from csai.kit.identifier import is_id
from csai.kit.problem import Problem
from csai.kit.text import is_clean

MAX_CHARS = 1_000

Cursor = Annotated[str | None, Query(max_length=MAX_CHARS, description="`next` of the page before.")]


@dataclass(frozen=True, slots=True)
class Place:
    """The last item of a page: what it was sorted by, and its id, which tells equals apart."""

    order: str
    value: str
    id: str

    @classmethod
    def at(cls, order: str, moment: datetime, item_id: str) -> Place:
        return cls(order, moment.isoformat(), item_id)

    @property
    def moment(self) -> datetime:
        """Raises 422 where the list is not sorted by a time."""
        try:
            moment = datetime.fromisoformat(self.value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise bad_cursor() from None

    def __str__(self) -> str:
        text = json.dumps([self.order, self.value, self.id], ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_place(cursor: str | None, *, order: str) -> Place | None:
    """Raises 422 for what is not the `next` of a page in this order."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        raise bad_cursor() from None
    match found:
        case [str() as of, str() as value, str() as item_id] if of == order and is_id(item_id):
            if is_clean(value):
                return Place(of, value, item_id)
    raise bad_cursor()


def bad_cursor() -> Problem:
    return Problem(
        422, "request_invalid", "The cursor is not the `next` of a page of this list in this order."
    )
