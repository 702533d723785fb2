"""The program `csai` as people start it: a process of its own, with nothing of this machine's settings."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.support.waiting import PATIENCE_S

CSAI = Path(sys.executable).parent / "csai"
LONGEST_S = 240.0
"""For a command that ends by itself: the test's own time limit is what ends one that hangs."""
_FOREIGN = ("CSAI_", "ANTHROPIC_", "OPENAI_", "OLLAMA_", "STRIPE_", "COV_CORE_")


def environment(**more: str) -> dict[str, str]:
    """This process' environment without anything that configures csai or a vendor."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**own, "COLUMNS": "200", **more}


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [str(CSAI), *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


class Program:
    """A command that runs until it is told to stop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.out = _Lines(process.stdout)
        self.err = _Lines(process.stderr)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


class _Lines:
    """Lines of a pipe, waited for no longer than it is bearable."""

    def __init__(self, pipe: IO[str]) -> None:
        self.seen: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def next(self, patience_s: float = PATIENCE_S) -> str:
        line = self._queue.get(timeout=max(patience_s, 0))
        if line is None:
            raise EOFError(f"the output ended after {self.seen}")
        self.seen.append(line)
        return line

    def until(self, part: str) -> str:
        """The first line from here on that holds `part`, however much else is said meanwhile."""
        give_up = time.monotonic() + PATIENCE_S
        while part not in (line := self.next(give_up - time.monotonic())):
            pass
        return line

    def arrived(self) -> list[str]:
        """The lines from here on that are there by now."""
        found = []
        while not self._queue.empty() and (line := self._queue.get_nowait()) is not None:
            found.append(line)
        return found

    def rest(self) -> list[str]:
        """What is left, up to the end of the output."""
        found = []
        while (line := self._queue.get(timeout=PATIENCE_S)) is not None:
            found.append(line)
        return found


@contextmanager
def running(*arguments: str, cwd: Path, **variables: str) -> Iterator[Program]:
    """A command that is still at work; killed at the end if it has not been stopped."""
    process = subprocess.Popen(
        [str(CSAI), *arguments],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        # With the processes it has started, which would go on without it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
