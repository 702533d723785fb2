"""Files in YAML or JSON that an operator wrote."""

from __future__ import annotations

from typing import Any

import yaml


class NoDocument(Exception):
    """Neither YAML nor JSON; `where` says in which line, as far as that is known."""

    def __init__(self, where: str = "") -> None:
        super().__init__(f"it is neither YAML nor JSON{where}")
        self.where = where


def read_document(text: str) -> Any:
    """Raises `NoDocument`."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NoDocument(f", line {mark.line + 1}" if mark else "") from None
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        # What the library raises of a day that there is not, and of a number that is none.
        raise NoDocument from None
