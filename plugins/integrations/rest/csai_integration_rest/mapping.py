"""Which part of an answer the model is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from csai_sdk import SettingsError

_PATH = re.compile(r"[^.\x00-\x1f]{1,100}(\.[^.\x00-\x1f]{1,100}){0,19}")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows of an answer, and what of each is taken."""

    rows: str
    fields: Mapping[str, str]
    limit: int

    def of(self, answer: Any) -> Any:
        """A list of rows, cut at the limit with a note of how many there are; else the one row."""
        found = at(answer, self.rows)
        if not isinstance(found, list):
            return self._row(found)
        rows = [self._row(each) for each in found[: self.limit]]
        if len(found) <= self.limit:
            return rows
        return {"rows": rows, "note": f"the first {self.limit} of {len(found)}"}

    def _row(self, row: Any) -> Any:
        if not self.fields:
            return row
        return {name: each for name, path in self.fields.items() if (each := at(row, path)) is not None}


def check_path(path: str) -> None:
    """Raises `SettingsError`."""
    if path and not _PATH.fullmatch(path):
        raise SettingsError(f"'{path[:64]}' is no path: write names and numbers with dots between them")


def at(value: Any, path: str) -> Any:
    """What stands at a path such as `data.orders.0.status`; None where nothing does.

    A name that meets a list is taken of each of its items.
    """
    for name in path.split(".") if path else ():
        if isinstance(value, list):
            if name.isascii() and name.isdigit():
                value = value[int(name)] if len(name) < 6 and int(name) < len(value) else None
            else:
                value = [each[name] for each in value if isinstance(each, Mapping) and name in each]
        elif isinstance(value, Mapping):
            value = value.get(name)
        else:
            return None
    return value
