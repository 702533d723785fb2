"""The processes of csai in a soak, each to be killed and started again."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.program import CSAI, environment
from tests.support.waiting import PATIENCE_S


class Machine:
    """One `csai` process that runs until it is told otherwise."""

    def __init__(self, arguments: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.name = " ".join(arguments)
        self._arguments = arguments
        self._variables = variables
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self._folder / f"{self.name.replace(' ', '')}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(CSAI), *self._arguments],
                cwd=self._folder,
                env=environment(**self._variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end, which must come."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(PATIENCE_S)

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("what was started does not answer")
        time.sleep(0.1)
