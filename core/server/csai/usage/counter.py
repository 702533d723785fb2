"""Counters that enforce a plan's limits, whatever the concurrency.

`reserve` and `settle` are one statement each. Rows are touched in the order of their metric, so that two
turns cannot wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, text

from csai.models.base import Id
from csai.statement import Prepared, Rows, Step

NO_LIMIT = 2**62

_CLIENT = bindparam("client", type_=Id)


_CORRECT = Prepared(
    text(
        "UPDATE counters SET used = used + :difference "
        "WHERE client_id = :client AND metric = :metric AND period = :period"
    ).bindparams(_CLIENT)
)


class LimitReached(Exception):
    """A limit of the client's plan leaves no room for this work; nothing was reserved."""

    def __init__(self, metric: str, limit: int) -> None:
        super().__init__(metric)
        self.metric = metric
        self.limit = limit


def period_of(moment: datetime, timezone: str) -> str:
    """The billing period (YYYY-MM) of a moment in the client's zone."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%Y-%m")


def reserve(client_id: str, period: str, amounts: Mapping[str, int], limits: Mapping[str, int]) -> Step:
    """Set aside `amounts`, all or none: give the rows it answers to `check_granted` before the commit.

    A row is a metric that was granted, and what is used of it.

    Raises `LimitReached` where an amount alone is more than its limit.
    """
    metrics = _metrics(amounts)
    values: dict[str, Any] = {"client": client_id, "period": period}
    for index, metric in enumerate(metrics):
        limit = limits.get(metric, NO_LIMIT)
        # A first row is inserted without looking at the limit, so look here.
        if amounts[metric] > limit:
            raise LimitReached(metric, limit)
        values |= {f"metric{index}": metric, f"amount{index}": amounts[metric], f"limit{index}": limit}
    return Step(_reserve(len(metrics)), values)


def check_granted(rows: Rows, amounts: Mapping[str, int], limits: Mapping[str, int]) -> None:
    """Raises `LimitReached` for the first metric that was not granted: roll the transaction back."""
    granted = {row[0] for row in rows}
    for metric in _metrics(amounts):
        if metric not in granted:
            raise LimitReached(metric, limits[metric])


def settle(
    client_id: str, period: str, *, used: Mapping[str, int], released: Mapping[str, int]
) -> list[Step]:
    """Book what was used and give back what had been set aside; no step where there is nothing to do."""
    metrics = sorted({*_metrics(used), *_metrics(released)})
    if not metrics:
        return []
    values: dict[str, Any] = {"client": client_id, "period": period}
    for index, metric in enumerate(metrics):
        values |= {
            f"metric{index}": metric,
            f"used{index}": used.get(metric, 0),
            f"released{index}": released.get(metric, 0),
        }
    return [Step(_settle(len(metrics)), values)]


def correct(client_id: str, period: str, differences: Mapping[str, int]) -> list[Step]:
    """Add to what is used, or take away from it, where rows exist."""
    return [
        Step(
            _CORRECT,
            {"client": client_id, "period": period, "metric": metric, "difference": differences[metric]},
        )
        for metric in _metrics(differences)
    ]


def total(held: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """What is set aside in all, by metric."""
    return {metric: held.get(metric, 0) + more.get(metric, 0) for metric in {*held, *more}}


def _metrics(amounts: Mapping[str, int]) -> list[str]:
    return sorted(metric for metric, amount in amounts.items() if amount)


@lru_cache(maxsize=16)
def _reserve(count: int) -> Prepared:
    rows = ", ".join(f"(:client, :metric{i}, :period, 0, :amount{i})" for i in range(count))
    limits = " ".join(
        f"WHEN counters.metric = :metric{i} THEN CAST(:limit{i} AS BIGINT)" for i in range(count)
    )
    statement = text(
        f"INSERT INTO counters (client_id, metric, period, used, reserved) VALUES {rows} "  # noqa: S608
        "ON CONFLICT (client_id, metric, period) DO UPDATE "
        "SET reserved = counters.reserved + excluded.reserved "
        f"WHERE counters.used + counters.reserved + excluded.reserved <= CASE {limits} END "
        "RETURNING metric, used"
    )
    return Prepared(statement.bindparams(_CLIENT))


@lru_cache(maxsize=16)
def _settle(count: int) -> Prepared:
    rows = ", ".join(f"(:client, :metric{i}, :period, :used{i}, 0)" for i in range(count))
    released = " ".join(
        f"WHEN counters.metric = :metric{i} THEN CAST(:released{i} AS BIGINT)" for i in range(count)
    )
    statement = text(
        f"INSERT INTO counters (client_id, metric, period, used, reserved) VALUES {rows} "  # noqa: S608
        "ON CONFLICT (client_id, metric, period) DO UPDATE "
        "SET used = counters.used + excluded.used, "
        f"reserved = counters.reserved - CASE {released} END"
    )
    return Prepared(statement.bindparams(_CLIENT))
