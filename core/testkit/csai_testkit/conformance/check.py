"""The three kinds of check, as marks of pytest.

A *required* check needs nothing but this machine and has to pass. A *capability* check runs where the suite
declares the capability. A *live* check calls the real vendor, with credentials from the environment, and only
under `--csai-live`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest

Level = Literal["required", "capability", "live"]
F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "csai_check"


@dataclass(frozen=True, slots=True)
class Check:
    """One promise that a suite looks after."""

    name: str
    level: Level
    promise: str
    """The first paragraph of the check's docstring."""
    capability: str = ""
    needs_vendor: bool = False
    is_of_loading: bool = False
    """Whether it says something about a plugin that cannot be registered."""


def required(function: F) -> F:
    """Mark a check that every plugin of the suite's kind has to pass."""
    return _marked(function, "required")


def required_to_load(function: F) -> F:
    """Mark a required check of how the plugin loads, before anything else can be said of it."""
    return _marked(function, "required", is_of_loading=True)


def required_of_vendors(function: F) -> F:
    """Mark a required check that has no meaning for what calls no vendor: such a suite has no `answer`."""
    return _marked(function, "required", needs_vendor=True)


def capability(name: str) -> Callable[[F], F]:
    """Mark a check that runs where the suite names the capability in `capabilities`."""
    return lambda function: _marked(function, "capability", capability=name)


def live(function: F) -> F:
    """Mark a check that calls the real vendor."""
    return _marked(function, "live")


def check_of(function: Any) -> Check | None:
    """The check that a test function is, if it is one."""
    found = getattr(function, _ATTRIBUTE, None)
    return found if isinstance(found, Check) else None


def checks_of(suite: type) -> Iterator[Check]:
    """The checks of a suite, inherited ones first."""
    seen: set[str] = set()
    for base in reversed(suite.__mro__):
        for name in vars(base):
            check = check_of(getattr(suite, name, None))
            if check is not None and name not in seen:
                seen.add(name)
                yield check


def _marked(function: F, level: Level, **more: Any) -> F:
    promise = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
    check = Check(function.__name__.removeprefix("test_"), level, promise, **more)
    setattr(function, _ATTRIBUTE, check)
    marked = getattr(pytest.mark, f"csai_{level}")(function)
    if inspect.iscoroutinefunction(function):
        # Also where an author's pytest-asyncio is in its strict mode.
        marked = pytest.mark.asyncio(marked)
    result: F = marked
    return result
