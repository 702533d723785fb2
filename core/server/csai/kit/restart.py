"""Starting this server process anew when nothing else will: its event loop is held and does not come back."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

EXIT_CODE = 70
SOCKET = "_CSAI_SOCKET"

_listening: list[socket.socket] = []


def restarts_with(sock: socket.socket) -> None:
    """This process is a server of its own: it may replace itself, and goes on with this socket."""
    _listening[:] = [sock]


def kept_socket(environment: Mapping[str, str] = os.environ) -> socket.socket | None:
    """The socket that this process listened on before it started itself anew."""
    number = environment.get(SOCKET)
    if number is None:
        return None
    os.environ.pop(SOCKET, None)
    return socket.socket(fileno=int(number))


def restart() -> NoReturn:
    """End this process at once, and begin again.

    A process of its own replaces itself, with the same arguments, number and socket, so that waiting
    connections are answered. One of several is started again by the process that minds them.
    """
    if _listening and multiprocessing.parent_process() is None:
        environment = {**os.environ, SOCKET: str(_listening[0].fileno())}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606
    os._exit(EXIT_CODE)
