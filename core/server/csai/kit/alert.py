"""Alerts for the operator: a line in the log under a lasting name, and a webhook where one is set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from csai_sdk import Clock, HttpClient, HttpError

from csai.kit.waiting import end

log = structlog.get_logger(__name__)

TIMEOUT_S = 5.0
MAX_WAITING = 100


class Alerts:
    """Raises alerts. What they say may go anywhere: ids, names, numbers, and never what a visitor wrote."""

    def __init__(self, *, url: str, http: HttpClient, clock: Clock) -> None:
        self._url = url
        self._http = http
        self._clock = clock
        self._sending: set[asyncio.Task[None]] = set()

    def raise_alert(self, name: str, **fields: str | float | None) -> None:
        """Log the alert, and send it in the background as well as may be."""
        log.error("operator alert", alert=name, **fields)
        if not self._url or len(self._sending) >= MAX_WAITING:
            return
        body = {"alert": name, "at": self._clock.now().isoformat(), **fields}
        task = asyncio.create_task(self._send(name, body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Wait for what is being sent, no longer than it may take."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=TIMEOUT_S)
        await end(self._sending)

    async def _send(self, name: str, body: Mapping[str, Any]) -> None:
        try:
            answer = await self._http.request(
                "POST",
                self._url,
                headers={"content-type": "application/json"},
                content=json.dumps(body).encode(),
                timeout_s=TIMEOUT_S,
                max_bytes=1_000,
            )
        except (HttpError, TimeoutError) as error:
            log.warning("alert not delivered", alert=name, reason=str(error) or "no answer in time")
        else:
            if answer.status >= 300:
                log.warning("alert not delivered", alert=name, reason=f"HTTP {answer.status}")
