"""Computes while it is imported."""

from __future__ import annotations

import time

from csai_sdk import hookimpl

end = time.process_time() + 0.2
while time.process_time() < end:
    pass


@hookimpl
async def reply_sent() -> None: ...
