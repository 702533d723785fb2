"""How many servers' processes this process may have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from csai_tool_mcp.failure import RequestFailed

MAX_PROCESSES = 20


class Processes:
    """Counts those of all clients: each takes memory of the one machine."""

    def __init__(self, limit: int = MAX_PROCESSES) -> None:
        self._free = limit

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises `RequestFailed` where there are as many as may be."""
        if self._free <= 0:
            raise RequestFailed("unsent", "too many servers are running on this machine at the moment")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
