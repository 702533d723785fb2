"""The process in which plugins are loaded to see what that does: one for a whole test run."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from csai_testkit.probe import Loaded


class Prober:
    """Asks `csai_testkit.probe`, and remembers what it said of each plugin."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[str, Loaded] = {}

    def load(self, target: str) -> Loaded:
        """Load the plugin of an entry point's value in a process of its own."""
        if target not in self._known:
            self._known[target] = Loaded(**json.loads(self._ask(target)))
        return self._known[target]

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _ask(self, target: str) -> str:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "csai_testkit.probe"],
                # Where the tests find the plugin, the process has to find it too.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{target}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()
