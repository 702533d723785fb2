"""Values that lists are narrowed by, as the query of a request holds them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from csai.kit.identifier import is_id
from csai.kit.text import is_clean


def _clean(value: str) -> str:
    if not is_clean(value):
        raise ValueError("it holds characters that no text has")
    return value


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time with its zone, such as 2026-05-01T00:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time that there is in UTC") from None


def _an_id(value: str) -> str:
    if not is_id(value):
        raise ValueError("an id")
    return value


CleanText = Annotated[str, AfterValidator(_clean)]
Text = Annotated[str, Field(max_length=200), AfterValidator(_clean)]
Moment = Annotated[datetime, AfterValidator(_zoned)]
AnId = Annotated[str, AfterValidator(_an_id)]
