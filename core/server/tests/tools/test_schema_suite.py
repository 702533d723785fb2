"""The JSON Schema Test Suite, at the validator."""

from __future__ import annotations

import pytest
from csai.tools.schema import InvalidSchema, compile_schema

from tests.support.schema_suite import EXCEPTIONS, Case, Outcome, cases, differences, expected


@pytest.fixture(scope="module")
def suite() -> list[Case]:
    return cases()


def outcome(case: Case) -> Outcome:
    try:
        validator = compile_schema(case.schema)
    except InvalidSchema:
        return "refused"
    return "valid" if validator.is_valid(case.instance) else "invalid"


@pytest.mark.parametrize("draft", ["draft7", "draft2020-12"])
def test_every_case_comes_out_as_the_suite_or_the_table_says(suite: list[Case], draft: str) -> None:
    wrong = [
        f"{case}: {found}, not {wanted}"
        for case in suite
        if case.file.startswith(f"{draft}/") and (found := outcome(case)) != (wanted := expected(case))
    ]

    assert wrong == []


def test_every_documented_difference_covers_cases_and_differs_from_the_suite(suite: list[Case]) -> None:
    stale = [each for each in differences() if not any(each.covers(case) for case in suite)]
    agreeing = [
        str(case)
        for case in suite
        if any(d.covers(case) and d.here == case.suite_says for d in differences())
    ]

    assert len(differences()) == EXCEPTIONS.read_text(encoding="utf-8").count("\n| `")
    assert stale == []
    assert agreeing == []
