"""A PostgreSQL and a Redis of one's own, to be ended, paused and brought back under the same address."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support import supervisor
from tests.support.waiting import PATIENCE_S

# A killed server must not lose what it has confirmed; only a power cut may.
POSTGRES_SETTINGS = {
    **supervisor.POSTGRES_SETTINGS,
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
}


class Stores(supervisor.Services):
    """Each of the two is known as "postgres" and "redis", and remembers how it was started."""

    def __init__(self, folder: Path, **postgres_settings: str) -> None:
        super().__init__(folder, postgres_settings=POSTGRES_SETTINGS | postgres_settings)
        self._launched: dict[str, tuple[Sequence[str | Path], signal.Signals, supervisor.Account]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._is_ready: dict[str, Callable[[], bool]] = {}

    def start_postgres(self) -> str:
        """Its url, whatever the environment names."""
        return self._start_postgres()

    def start_redis(self) -> str:
        """Its url, whatever the environment names."""
        return self._start_redis()

    def end(self, name: str, how: signal.Signals | None = None) -> None:
        """End it: PostgreSQL as it is (SIGQUIT) or in good order (SIGINT), Redis with no warning."""
        process = self._processes[name]
        # PostgreSQL's children notice only this one; SIGKILL would leave them at work on its files.
        process.send_signal(how or (signal.SIGQUIT if name == "postgres" else signal.SIGKILL))
        process.wait(PATIENCE_S)
        self._running = [each for each in self._running if each[0] is not process]

    def begin(self, name: str) -> None:
        """Start again what was ended; back when it answers."""
        process = self._launch(name, *self._launched[name])
        super()._wait_for(name, process, self._is_ready[name])

    def restart(self, name: str, how: signal.Signals | None = None) -> None:
        self.end(name, how)
        self.begin(name)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """It keeps its connections and says nothing."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        # PostgreSQL serves each connection by a process of its own, in a group of its own.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        pids = [*map(int, children), process.pid]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _launch(
        self, name: str, command: Sequence[str | Path], stop: signal.Signals, account: supervisor.Account
    ) -> subprocess.Popen[bytes]:
        process = super()._launch(name, command, stop, account)
        self._launched[name] = (command, stop, account)
        self._processes[name] = process
        return process

    def _wait_for(self, name: str, server: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> None:
        self._is_ready[name] = is_ready
        super()._wait_for(name, server, is_ready)
