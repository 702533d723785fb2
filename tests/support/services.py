"""One PostgreSQL and one Redis for a whole test run, shared by its worker processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER_VARIABLE = "CSAI_TEST_SERVICES_FOLDER"
START_TIMEOUT_S = 90.0
ROOM_FOR_DATABASES_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class ServiceUrls:
    """Where the services of this run answer; the database is only for making others beside it."""

    database_url: str
    redis_url: str


class ServicesUnavailableError(Exception):
    """PostgreSQL or Redis did not start; the message has its log."""


class Supervision:
    """The supervisor process, started by the process that owns the run and found by its workers."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to start the services; workers started from now on find them."""
        if FOLDER_VARIABLE in os.environ:
            return
        # Not pytest's base folder: a unix socket's path holds about a hundred characters.
        folder = tempfile.mkdtemp(prefix="csai-test-", dir=_memory())
        Path(folder).chmod(0o755)
        os.environ[FOLDER_VARIABLE] = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.supervisor", folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop the services if this process started them."""
        if self._process is None or self._process.stdin is None:
            return
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(30)
        self._process = None
        os.environ.pop(FOLDER_VARIABLE, None)

    def urls(self) -> ServiceUrls:
        """The services' addresses, as soon as they answer."""
        self.start()
        answer = self._await_answer(Path(os.environ[FOLDER_VARIABLE]) / "services.json")
        if "error" in answer:
            raise ServicesUnavailableError(answer["error"])
        return ServiceUrls(**answer)

    def _await_answer(self, path: Path) -> dict[str, str]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not path.exists():
            died = self._process is not None and self._process.poll() is not None
            if died or time.monotonic() > deadline:
                raise ServicesUnavailableError("PostgreSQL and Redis for the tests did not start")
            time.sleep(0.02)
        answer: dict[str, str] = json.loads(path.read_text())
        return answer


def _memory() -> str | None:
    """A file system in memory with room for many databases, or None for the temporary folder."""
    shared = "/dev/shm"
    try:
        has_room = shutil.disk_usage(shared).free > ROOM_FOR_DATABASES_BYTES
    except OSError:
        return None
    return shared if has_room and os.access(shared, os.W_OK) else None
