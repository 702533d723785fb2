"""The processes of a soak: servers, worker, PostgreSQL and Redis, each to be killed and started again."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support import supervisor
from tests.support.program import CSAI, environment

# A killed server must not lose what it has confirmed; only a power cut may.
POSTGRES_SETTINGS = {
    **supervisor.POSTGRES_SETTINGS,
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
}
PATIENCE_S = 60.0


class Stores(supervisor.Services):
    """PostgreSQL and Redis that can be killed and brought back under the same address."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, postgres_settings=POSTGRES_SETTINGS)
        self._launched: dict[str, tuple[Sequence[str | Path], signal.Signals, supervisor.Account]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def _launch(
        self, name: str, command: Sequence[str | Path], stop: signal.Signals, account: supervisor.Account
    ) -> subprocess.Popen[bytes]:
        process = super()._launch(name, command, stop, account)
        self._launched[name] = (command, stop, account)
        self._processes[name] = process
        return process

    def restart(self, name: str, is_up: Callable[[], bool]) -> None:
        """Kill without warning and start again; back when `is_up`."""
        process = self._processes[name]
        # PostgreSQL's children notice only this one; SIGKILL would leave them at work on its files.
        process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
        process.wait(PATIENCE_S)
        self._running = [each for each in self._running if each[0] is not process]
        self._launch(name, *self._launched[name])
        wait_until(is_up)


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
