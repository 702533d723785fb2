"""The shop's budget for queries: a bucket of points that fills again at a steady rate.

Source: https://shopify.dev/docs/api/usage/limits
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FIRST_COST = 50.0
"""What a query is thought to cost before the shop has said so."""
BACKOFF_S = 1.0
"""What Shopify recommends where it does not say how full the bucket is."""


@dataclass
class Throttle:
    """One client's view of one shop's bucket, as the last answer told it, less what is on its way.

    What is promised to a query is taken at once, also beyond what there is: whoever asks next waits longer.
    """

    _costs: dict[str, float] = field(default_factory=dict)
    _available: float | None = None
    _maximum: float = 0.0
    _restore_rate: float = 0.0
    _at: datetime | None = None
    _pending: float = 0.0

    def cost(self, name: str) -> float:
        return self._costs.get(name, FIRST_COST)

    def wait_s(self, name: str, now: datetime) -> float:
        """How long until the bucket holds what the query costs."""
        if self._available is None or self._restore_rate <= 0:
            return 0.0
        # A query that costs more than the whole bucket is the shop's to refuse.
        needed = min(self.cost(name), self._maximum)
        return max(0.0, (needed - self._filled(now)) / self._restore_rate)

    def take(self, name: str) -> float:
        """Set aside what the query costs, until it is `settled`; how much that is."""
        cost = self.cost(name)
        self._pending += cost
        return cost

    def settle(self, name: str, taken: float, said: Mapping[str, Any] | None, now: datetime) -> None:
        """The query was answered, with `extensions.cost` in the answer, or came to nothing."""
        self._pending = max(0.0, self._pending - taken)
        if not said:
            return
        if (requested := _number(said.get("requestedQueryCost"))) is not None:
            self._costs[name] = requested
        status = said.get("throttleStatus")
        if not isinstance(status, Mapping):
            return
        available = _number(status.get("currentlyAvailable"))
        rate = _number(status.get("restoreRate"))
        if available is None or rate is None:
            return
        self._available, self._restore_rate, self._at = available, rate, now
        self._maximum = _number(status.get("maximumAvailable")) or available

    def empty(self, now: datetime) -> None:
        """The shop says that there is nothing left, and not how much comes back."""
        if self._available is None or self._restore_rate <= 0:
            self._restore_rate, self._maximum = FIRST_COST / BACKOFF_S, FIRST_COST
        self._available, self._at = 0.0, now

    def _filled(self, now: datetime) -> float:
        elapsed_s = max(0.0, (now - self._at).total_seconds()) if self._at else 0.0
        full = (self._available or 0.0) + elapsed_s * self._restore_rate
        return min(full, self._maximum) - self._pending


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None
