"""What became of each conformance check, for `--csai-report FILE`: a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_PROPERTY = "csai_check"


class ConformanceReport:
    """Notes every check while pytest runs; xdist's workers hand their notes over with the tests' reports."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._outcomes: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if note := _note(item):
            # A secret that comes out in the middle of another check counts as what it is.
            error = call.excinfo.value if call.excinfo is not None else None
            note["check"] = getattr(error, "check", note["check"])
            report.user_properties.append((_PROPERTY, note))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, note in report.user_properties:
            if name == _PROPERTY and isinstance(note, dict):
                self._add(report, note)

    def pytest_sessionfinish(self) -> None:
        if self._path is not None:
            lines = [json.dumps(outcome) for outcome in self._outcomes.values()]
            self._path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _add(self, report: pytest.TestReport, note: dict[str, Any]) -> None:
        """The worst of a check's three phases is its outcome."""
        if report.nodeid in self._outcomes and report.outcome == "passed":
            return
        if report.when != "call" and report.outcome == "passed":
            return
        self._outcomes[report.nodeid] = {**note, "outcome": report.outcome, "reason": _reason(report)}


def _note(item: pytest.Item) -> dict[str, Any] | None:
    """Which check a test is, and of which plugin."""
    check = getattr(getattr(item, "function", None), "csai_check", None)
    suite = getattr(item, "instance", None)
    if check is None or suite is None:
        return None
    return {
        "suite": "::".join(item.nodeid.split("::")[:-1]),
        "plugin": suite.plugin,
        "kind": suite.kind,
        "part": getattr(suite, "part_id", ""),
        "check": check.name,
        "level": check.level,
        "needs_vendor": check.needs_vendor,
    }


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    said: str = getattr(crash, "message", "") if report.outcome == "failed" else ""
    return said.partition("\n")[0].removeprefix("AssertionError: ")
