"""Every measurement that needs no browser runs to its end on little; what it measures then says nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "arguments", "last"),
    [
        ("admin.py", ["--conversations", "60", "--times", "2"], "the list of clients"),
        ("knowledge.py", ["--passages", "50"], "| postgresql (pgvector) | 50 | hybrid |"),
        ("plugins.py", ["--quick"], "10 plugins whose hooks return at once"),
    ],
)
def test_it_runs_to_its_end(name: str, arguments: list[str], last: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / name, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert last in done.stdout.splitlines()[-1]
