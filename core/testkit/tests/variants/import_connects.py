"""Connects while it is imported."""

from __future__ import annotations

import socket
from contextlib import suppress

from csai_sdk import hookimpl

with suppress(OSError):
    socket.create_connection(("127.0.0.1", 9)).close()


@hookimpl
async def reply_sent() -> None: ...
