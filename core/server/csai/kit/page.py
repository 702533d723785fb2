"""Lists that are read a page at a time, each page beginning after the last item of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from csai.kit.identifier import is_id
from csai.kit.problem import Problem

T = TypeVar("T")

Before = Annotated[str | None, Query(description="`next` of the page before.")]


def check_before(before: str | None) -> None:
    """Raises 422 for what cannot be the `next` of a page."""
    if before is not None and not is_id(before):
        raise Problem(422, "request_invalid", "`before` is the `next` of an earlier page.")


def page_of(rows: Sequence[T], count: int, *, mark: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page and its `next`, of `count + 1` rows that were asked for; None at the end."""
    page = rows[:count]
    return page, mark(page[-1]) if len(rows) > count else None
