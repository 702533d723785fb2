"""The probe survives whatever a plugin does while it is loaded, and says what that was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PLUGINS = {
    "hangs": "import threading; threading.Event().wait()",
    "ends": "import os; os._exit(3)",
    "exits": "raise SystemExit(4)",
    "prints": "print('this is no answer')",
    "starts_a_process": "import subprocess; subprocess.run(['true'])",
    "hides_its_file": "from contextlib import suppress\nwith suppress(OSError): open('trace', 'w')",
    "reads": "open(__file__).read()",
}
SOUND = """
from csai_sdk import hookimpl, tool

@tool
def look_up(question: str) -> str: ...

@hookimpl
def register_tools():
    return [look_up]
"""


def load(folder: Path) -> dict[str, dict[str, Any]]:
    for name, code in PLUGINS.items():
        (folder / f"{name}.py").write_text(f"{code}\n{SOUND}")
    ended = subprocess.run(
        [sys.executable, "-m", "csai_testkit.probe", "3"],
        input="".join(f"{name}\n" for name in PLUGINS),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return dict(zip(PLUGINS, map(json.loads, ended.stdout.splitlines()), strict=True))


def test_each_plugin_is_loaded_apart_and_none_ends_the_probe(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    errors = {name: told["error"] for name, told in loaded.items() if told["error"]}
    assert errors.pop("starts_a_process").startswith("PermissionError")
    assert errors == {
        "hangs": "it was not loaded within 3 s",
        "ends": "the process ended with 3 while it was loaded",
        "exits": "SystemExit: 4",
    }
    assert loaded["hangs"]["is_late"]
    io = {name: told["import_io"] for name, told in loaded.items() if told["import_io"]}
    assert io == {
        "starts_a_process": ["subprocess.Popen true"],
        "hides_its_file": ["write trace"],
    }
    assert not (tmp_path / "trace").exists()
    for name in ("prints", "hides_its_file", "reads"):
        assert loaded[name]["parts"] == loaded[name]["parts_again"] == {"tool": ["look_up"]}
