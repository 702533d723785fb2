"""Waiting for what another process does, for no longer than is bearable."""

from __future__ import annotations

import time
from collections.abc import Callable

# Says only how late a failure is told: a busy machine may need a minute for what takes two seconds alone.
PATIENCE_S = 180.0
# The same in a browser: less than a whole test may take, so that it is told what did not come.
BROWSER_PATIENCE_MS = 60_000


def until(is_so: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Look until it is so, and do something between two looks."""
    give_up = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up, "it did not come about"
        meanwhile()
        time.sleep(0.05)
