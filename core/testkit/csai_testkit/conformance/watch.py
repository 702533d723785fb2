"""Watching what a check must never see: a secret in a log or an error, a connection to a stranger."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class SecretLeaked(AssertionError):
    """A secret of the settings was found where people read. It counts against the check `keeps_secrets`."""

    check = "keeps_secrets"


class Watch:
    """Collects what is logged and raised during one check, and the secrets to look for in it."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.heard: list[tuple[str, str]] = []
        self._handler = _Listener(self)

    def hear(self, where: str, what: str) -> None:
        self.heard.append((where, what))

    def hear_error(self, error: BaseException) -> None:
        """All that a traceback shows of an error, its causes included."""
        self.hear(f"the error {type(error).__name__}", "".join(traceback.format_exception(error)))
        self.hear(f"the error {type(error).__name__}", f"{error!r} {vars(error)!r}")

    def leaks(self) -> list[str]:
        return sorted({where for where, what in self.heard for secret in self.secrets if secret in what})

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear every log record, however little of the log is kept otherwise."""
        root = logging.getLogger()
        level = root.level
        root.addHandler(self._handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(self._handler)


class _Listener(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        # Fields given with `extra` are attributes of the record.
        self._watch.hear(f"the log of {record.name}", f"{self.format(record)} {vars(record)!r}")


_connections: list[Any] | None = None
_is_hooked = False


@contextmanager
def connections() -> Iterator[list[Any]]:
    """The addresses that sockets of this process are connected to meanwhile."""
    global _connections, _is_hooked
    if not _is_hooked:
        sys.addaudithook(_note_connection)
        _is_hooked = True
    found: list[Any] = []
    _connections = found
    try:
        yield found
    finally:
        _connections = None


def _note_connection(event: str, arguments: tuple[Any, ...]) -> None:
    if _connections is not None and event == "socket.connect":
        _connections.append(arguments[1])


def strangers(addresses: Iterable[Any], *, ports: Collection[int | None] = ()) -> list[str]:
    """The addresses among these that are not loopback ports where a scripted vendor answers."""
    known = {("127.0.0.1", port) for port in ports}
    return sorted({str(address) for address in addresses if tuple(address[:2]) not in known})
