"""Leaves a thread behind that it starts while it is imported."""

from __future__ import annotations

import threading

from csai_sdk import hookimpl

threading.Thread(target=threading.Event().wait, daemon=True).start()


@hookimpl
async def reply_sent() -> None: ...
