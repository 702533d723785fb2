"""Trying plugins in processes that may die of it: `python -m csai.plugins.probe DEADLINE_S ID...`.

This process imports what all of them need, once, and forks for each plugin. A fork imports and registers its
plugin as a server would and says what came of it; one that hangs or dies has said how far it got. For each
plugin one line of JSON goes to standard output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

POLL_S = 0.01
AT_ONCE = 4 + (os.cpu_count() or 1)
"""Those that hang need no processor."""
ADVICE = (
    "tell its author; leave it out of CSAI_PLUGINS or uninstall it. "
    "If the machine was at fault: csai plugins doctor --again"
)


@dataclass(slots=True)
class _Fork:
    plugin: str
    pid: int
    pipe: int
    deadline: float
    said: bytes = b""


def main() -> None:
    deadline_s, waiting = float(sys.argv[1]), sys.argv[2:][::-1]
    from csai.plugins import registry  # noqa: F401 -- what every fork needs

    forks: list[_Fork] = []
    while waiting or forks:
        while waiting and len(forks) < AT_ONCE:
            forks.append(_fork(waiting.pop(), deadline_s))
        time.sleep(POLL_S)
        forks = [fork for fork in forks if not _has_ended(fork, deadline_s)]


def _fork(plugin: str, deadline_s: float) -> _Fork:
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be_the_fork(plugin, writing)
    os.close(writing)
    os.set_blocking(reading, False)
    return _Fork(plugin, pid, reading, time.monotonic() + deadline_s)


def _be_the_fork(plugin: str, writing: int) -> None:
    os.setsid()  # so that what the plugin starts ends with it
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    try:
        _say(writing, json.dumps({"id": plugin} | _try(plugin, writing)))
    except BaseException as error:  # noqa: BLE001 -- whatever it is, this is the end of the fork
        _say(
            writing, json.dumps({"id": plugin} | _raised(f"trying it raised {type(error).__name__}", ADVICE))
        )
    finally:
        # Without what the plugin wants done at the end, which may hang as well.
        os._exit(0)


def _try(plugin: str, writing: int) -> dict[str, Any]:
    from csai.plugins.discovery import discover
    from csai.plugins.registry import PluginRegistry

    _say(writing, "importing it")
    found, quarantined = discover([plugin])
    if found:
        _say(writing, "registering it")
        registry = PluginRegistry()
        registry.register(found[0])
        if plugin in registry.plugins:
            loaded = registry.plugins[plugin]
            return {"outcome": "ok", "kinds": loaded.kinds, "names": loaded.names}
        quarantined = list(registry.quarantined.values())
    if not quarantined:
        return _raised("it could not be found", "install it again")
    return _raised(quarantined[0].cause, quarantined[0].remedy)


def _raised(cause: str, remedy: str) -> dict[str, Any]:
    return {"outcome": "raised", "cause": cause, "remedy": remedy}


def _say(writing: int, line: str) -> None:
    data = line.encode(errors="replace") + b"\n"
    while data:
        data = data[os.write(writing, data) :]


def _has_ended(fork: _Fork, deadline_s: float) -> bool:
    """Whether it has, and then what became of it is printed."""
    pid, status = os.waitpid(fork.pid, os.WNOHANG)
    _listen(fork)
    is_late = not pid and time.monotonic() > fork.deadline
    if not pid and not is_late:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(fork.pid, signal.SIGKILL)
    if is_late:
        os.waitpid(fork.pid, 0)
    os.close(fork.pipe)
    print(json.dumps(_verdict(fork, None if is_late else status, deadline_s)), flush=True)
    return True


def _listen(fork: _Fork) -> None:
    with suppress(BlockingIOError):
        while piece := os.read(fork.pipe, 65_536):
            fork.said += piece


def _verdict(fork: _Fork, status: int | None, deadline_s: float) -> dict[str, Any]:
    lines = fork.said.decode(errors="replace").splitlines()
    if lines and lines[-1].startswith("{"):
        with suppress(ValueError):
            said: dict[str, Any] = json.loads(lines[-1])
            return said
    step = lines[-1] if lines else "trying it"
    if status is None:
        end = f"was not done after {deadline_s:g} s"
    elif os.WIFSIGNALED(status):
        end = f"crashed the interpreter ({signal.Signals(os.WTERMSIG(status)).name})"
    else:
        end = f"ended the process (exit code {os.WEXITSTATUS(status)})"
    return {"id": fork.plugin, "outcome": "fatal", "cause": f"{step} {end}", "remedy": ADVICE}


if __name__ == "__main__":
    main()
