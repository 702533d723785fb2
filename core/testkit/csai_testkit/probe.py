"""Loads plugins as a server does, each in a process of its own, and tells what that did beside loading.

    echo csai_tool_hello | python -m csai_testkit.probe

reads the value of an entry point (`module` or `module:object`) a line, and answers each with a line of JSON:
the fields of `Loaded`. The processes are forks of this one, so that only the first has to wait for Python.
A number after the module's name is for how many seconds a plugin is waited for, instead of 20.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NoReturn

from csai_testkit.registration import read_registration, settings_faults

PATIENCE_S = 20.0

_NETWORK = ("connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname")
_PROCESSES = ("system", "exec", "posix_spawn", "spawn", "fork", "forkpty")
_FILES = ("mkdir", "rmdir", "remove", "rename", "link", "symlink", "truncate", "chmod", "chown", "utime")
_FORBIDDEN = frozenset(
    {
        *(f"socket.{name}" for name in _NETWORK),
        *(f"os.{name}" for name in (*_PROCESSES, *_FILES)),
        *("subprocess.Popen", "pty.spawn", "tempfile.mkstemp", "tempfile.mkdtemp", "webbrowser.open"),
    }
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Loaded:
    """What loading a plugin came to. `io` and `changed` tell what it did that it should not have."""

    error: str = ""
    """Why it could not be imported or registered, or empty."""
    is_late: bool = False
    cpu_s: float = 0.0
    """Processor time of the import; the SDK, pydantic and asyncio were there already."""
    import_io: list[str] = field(default_factory=list)
    registration_io: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """What is no more in the process as it was: environment, signals, the root logger, threads."""
    parts: dict[str, list[str]] = field(default_factory=dict)
    """The names of what it registers, by kind."""
    parts_again: dict[str, list[str]] = field(default_factory=dict)
    """What it registers when asked once more."""
    event_hooks: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    settings_faults: list[str] = field(default_factory=list)


def main() -> None:
    import asyncio  # noqa: F401 -- nearly every plugin needs it

    patience_s = float(sys.argv[1]) if len(sys.argv) > 1 else PATIENCE_S
    sys.dont_write_bytecode = True
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a plugin prints is no answer
    for line in iter(sys.stdin.readline, ""):
        answers.write(json.dumps(_in_a_fork(line.strip(), patience_s)) + "\n")
        answers.flush()


def _in_a_fork(target: str, patience_s: float) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _tell(target, writing)
    os.close(writing)
    answer, is_late = _read(reading, patience_s)
    os.close(reading)
    if is_late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if is_late:
        return asdict(Loaded(error=f"it was not loaded within {patience_s:g} s", is_late=True))
    if not answer:
        ended = os.waitstatus_to_exitcode(status)
        return asdict(Loaded(error=f"the process ended with {ended} while it was loaded"))
    told: dict[str, Any] = json.loads(answer)
    return told


def _read(pipe: int, patience_s: float) -> tuple[bytes, bool]:
    """All that comes out of the pipe, and whether that took too long."""
    end, answer = time.monotonic() + patience_s, b""
    while True:
        if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
            return answer, True
        piece = os.read(pipe, 65_536)
        if not piece:
            return answer, False
        answer += piece


def _tell(target: str, pipe: int) -> NoReturn:
    loaded = Loaded()
    try:
        _load(target, loaded)
    except BaseException as error:  # noqa: BLE001 -- sys.exit among them
        loaded.error = loaded.error or "".join(traceback.format_exception_only(error)).strip()
    with os.fdopen(pipe, "w", encoding="utf-8") as answer:
        answer.write(json.dumps(asdict(loaded)))
    os._exit(0)


def _load(target: str, loaded: Loaded) -> None:
    before, threads = _process_state(), set(threading.enumerate())
    try:
        started = time.process_time()
        with _watched(loaded.import_io):
            plugin = EntryPoint("plugin", target, "csai.plugins").load()
        loaded.cpu_s = time.process_time() - started
        with _watched(loaded.registration_io):
            registration = read_registration(plugin)
            loaded.parts = registration.names()
            loaded.event_hooks = sorted(registration.event_hooks)
            loaded.settings = list(registration.settings_model.model_fields)
            loaded.settings_faults = settings_faults(registration.settings_model)
            loaded.parts_again = read_registration(plugin).names()
    finally:
        after = _process_state()
        loaded.changed += [name for name, value in before.items() if after[name] != value]
        loaded.changed += [
            f"a thread is left: {thread.name}" for thread in threading.enumerate() if thread not in threads
        ]


def _process_state() -> dict[str, Any]:
    root = logging.getLogger()
    return {
        "the environment": dict(os.environ),
        "the working folder": str(Path.cwd()),
        "the root logger": (root.level, list(root.handlers)),
        "the signals' handlers": [signal.getsignal(number) for number in signal.valid_signals()],
    }


@contextmanager
def _watched(found: list[str]) -> Iterator[None]:
    """Refuse I/O and write down what was tried. An audit hook stays for good, hence the switch."""
    is_on = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if is_on and (tried := _io(event, arguments)):
            found.append(tried)
            raise PermissionError(errno.EACCES, "a plugin does no I/O while it is loaded")

    sys.addaudithook(watch)
    try:
        yield
    finally:
        is_on = False


def _io(event: str, arguments: tuple[Any, ...]) -> str:
    """What an audit event did that loading a plugin may not do, or nothing."""
    if event in _FORBIDDEN:
        shown = next((str(item) for item in arguments if isinstance(item, str | bytes | tuple | list)), "")
        return f"{event} {shown}".strip()
    if event == "open":
        path, _, flags = arguments
        is_write = isinstance(flags, int) and flags & _WRITES
        return f"write {path}" if is_write and not isinstance(path, int) and path != os.devnull else ""
    if event == "sqlite3.connect":
        return "" if arguments[0] == ":memory:" else f"{event} {arguments[0]}"
    if event == "socket.bind":
        # urllib3 asks so whether there is IPv6; it reaches nobody.
        address = arguments[1]
        is_question = isinstance(address, tuple) and address[:2] in (("::1", 0), ("127.0.0.1", 0))
        return "" if is_question else f"{event} {address}"
    return ""


if __name__ == "__main__":
    main()
