"""What objects hold, as text: to find a visitor's or another client's words in what a plugin keeps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any

from pydantic import SecretStr

_MAX_OBJECTS = 50_000
_PASSED_OVER = (ModuleType, FunctionType, MethodType, type, logging.Logger, logging.Handler)


def text_of(*roots: object) -> str:
    """All text that can be reached from these objects over attributes and containers, a piece a line."""
    return "\n".join(_texts(roots))


def _texts(roots: Iterable[object]) -> Iterator[str]:
    waiting, seen = list(roots), dict[int, object]()
    while waiting and len(seen) < _MAX_OBJECTS:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, _PASSED_OVER):
            continue
        seen[id(found)] = found
        if isinstance(found, str):
            yield found
        elif isinstance(found, bytes | bytearray):
            yield bytes(found).decode("utf-8", "replace")
        elif isinstance(found, SecretStr):
            yield found.get_secret_value()
        else:
            waiting.extend(_held(found))


def _held(found: object) -> Iterator[object]:
    if isinstance(found, Mapping):
        yield from list(found.keys())
        yield from list(found.values())
    elif isinstance(found, list | tuple | set | frozenset):
        yield from list(found)
    yield from list(getattr(found, "__dict__", {}).values())
    for base in type(found).__mro__:
        slots: Any = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            yield getattr(found, name, None)
