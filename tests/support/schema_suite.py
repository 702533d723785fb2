"""The JSON Schema Test Suite's cases, and where docs/json-schema.md says that csai differs from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT.parent / "shared" / "vectors" / "json_schema"
EXCEPTIONS = ROOT / "docs" / "json-schema.md"
Outcome = Literal["valid", "invalid", "refused"]

_ROW = re.compile(
    r"^\| `([^`]+)` \| `([^`]+)` \| (any|valid|invalid) \| (valid|invalid|refused) \| .+ \|$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Case:
    """One instance of a group; `schema` names its draft, in draft 7's files too."""

    file: str
    group: str
    description: str
    schema: Any
    instance: Any
    is_valid: bool

    @property
    def suite_says(self) -> Outcome:
        return "valid" if self.is_valid else "invalid"

    def __str__(self) -> str:
        return f"{self.file} | {self.group} | {self.description}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of the table."""

    file: str
    group: str
    suite_says: str
    here: Outcome

    def covers(self, case: Case) -> bool:
        return (
            fnmatchcase(case.file, self.file)
            and fnmatchcase(case.group, self.group)
            and self.suite_says in ("any", case.suite_says)
        )


def cases() -> list[Case]:
    """All cases, optional ones included. Skips the test where the recorded data is absent."""
    if not SUITE.is_dir():
        pytest.skip(f"the JSON Schema Test Suite is not at {SUITE}")
    return [case for path in sorted(SUITE.rglob("*.json")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    file = path.relative_to(SUITE).as_posix()
    for group in json.loads(path.read_text(encoding="utf-8")):
        schema = group["schema"]
        if file.startswith("draft7/") and isinstance(schema, dict):
            schema = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
        for test in group["tests"]:
            yield Case(file, group["description"], test["description"], schema, test["data"], test["valid"])


@cache
def differences() -> tuple[Difference, ...]:
    rows = _ROW.findall(EXCEPTIONS.read_text(encoding="utf-8"))
    return tuple(Difference(file, group, says, here) for file, group, says, here in rows)


def expected(case: Case) -> Outcome:
    """What csai is to say: what the suite says, unless the table has a row for the case."""
    return next((each.here for each in differences() if each.covers(case)), case.suite_says)
