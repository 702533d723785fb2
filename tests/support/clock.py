"""Time as a test says it is."""

from __future__ import annotations

from datetime import UTC, datetime


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time
