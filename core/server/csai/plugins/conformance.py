"""The tier *verified*: the plugin's own conformance tests, run by pytest in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from csai.plugins.quality import Result, Subject

_TIMEOUT_S = 900.0
_MARKS = "csai_required or csai_capability"
_OF_NO_SUITE = frozenset({"web", "hooks"})
_SHORTEST_README = 100

Outcome = Mapping[str, Any]


def examine_conformance(subjects: Sequence[Subject]) -> None:
    """Do the checks of the tier `verified`. Plugins of one repository share a run of pytest."""
    by_root: dict[Path, list[Path]] = defaultdict(list)
    for subject in subjects:
        if subject.folder is not None and subject.loaded is not None:
            by_root[_root(subject.folder)].append(subject.folder)
    outcomes = [outcome for root, folders in by_root.items() for outcome in _run(root, folders)]
    for subject in subjects:
        if subject.folder is None:
            subject.judge(
                "verified",
                "source folder",
                "nobody knows where the sources are",
                "name the folder instead of the plugin, or install it with `-e`",
            )
            continue
        _examine_papers(subject, subject.folder)
        _examine_outcomes(subject, [item for item in outcomes if item["plugin"] == subject.point.value])


def _root(folder: Path) -> Path:
    """The repository that a folder is in, or the folder."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


def _run(root: Path, folders: Sequence[Path]) -> list[Outcome]:
    paths = [str(folder / "tests") if (folder / "tests").is_dir() else str(folder) for folder in folders]
    with tempfile.TemporaryDirectory() as place:
        report = Path(place, "report.jsonl")
        options = ("-q", "-p", "no:cacheprovider", "-m", _MARKS, f"--csai-report={report}")
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, *paths],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
        lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    return [json.loads(line) for line in lines]


def _examine_papers(subject: Subject, folder: Path) -> None:
    readme = next((path for path in folder.glob("README*")), None)
    text = readme.read_text(encoding="utf-8") if readme else ""
    untold = [name for name in (subject.loaded or {}).get("settings", []) if name not in text]
    fault = "there is none that tells enough" if len(text) < _SHORTEST_README else ""
    if untold and not fault:
        fault = f"it does not tell of the settings {', '.join(untold)}"
    subject.judge("verified", "README", fault, "tell what the plugin does and how it is set up")
    version = subject.point.dist.version if subject.point.dist else ""
    is_told = any(folder.glob("CHANGELOG*")) or version not in ("", "0", "0.0", "0.0.0")
    subject.judge("verified", "version", "" if is_told else "there is none", "set version in pyproject.toml")


def _examine_outcomes(subject: Subject, outcomes: Sequence[Outcome]) -> None:
    for kind, parts in (subject.loaded or {}).get("parts", {}).items():
        missing = _uncovered(kind, parts, outcomes)
        remedy = "subclass the suite of csai_testkit.conformance in the plugin's tests"
        subject.judge("verified", f"suite for {kind}", missing, remedy)
    if not outcomes:
        fault = "its tests hold no conformance suite"
        subject.judge("verified", "conformance", fault, "subclass a suite of csai_testkit.conformance")
    subject.results += [_result(outcome) for outcome in outcomes]


def _uncovered(kind: str, parts: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """Why not everything of a kind was put to the test, or nothing."""
    mine = [outcome for outcome in outcomes if outcome["kind"] == kind or kind in _OF_NO_SUITE]
    if not mine:
        return "no suite of this kind ran"
    named = {outcome["part"] for outcome in mine}
    left = set(parts) - named if named != {""} else set()
    return f"no suite ran for {', '.join(sorted(left))}" if left else ""


def _result(outcome: Outcome) -> Result:
    check = f"{outcome['kind']}: {outcome['check']}"
    if outcome["outcome"] == "passed":
        return Result("verified", check, "ok")
    if outcome["outcome"] == "failed":
        return Result("verified", check, "failed", outcome["reason"], "run the plugin's tests with pytest")
    # Required checks are skipped only where there is no vendor to fail; anything else is a check not done.
    is_excused = outcome["level"] != "required" or outcome["needs_vendor"]
    state = "skipped" if is_excused else "failed"
    return Result("verified", check, state, outcome["reason"])  # type: ignore[arg-type]
