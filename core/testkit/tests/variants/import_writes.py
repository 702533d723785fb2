"""Writes a file while it is imported."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

from csai_sdk import hookimpl

with suppress(OSError):
    Path(gettempdir(), "csai-variant").touch()


@hookimpl
async def reply_sent() -> None: ...
