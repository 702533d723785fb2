"""How sure one can be of a share, of a mean, and of a difference: intervals of 95 percent."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from csai.experiments.schemas import Estimate

Z = 1.96


def share(count: int, of: int) -> Estimate:
    """Wilson's interval, which holds for few and for shares near 0 and 1."""
    if not of:
        return Estimate(value=None, low=None, high=None)
    low, high = _wilson(count, of)
    return Estimate(value=count / of, low=low, high=high)


def share_difference(count: int, of: int, other: int, of_other: int) -> Estimate:
    """The first share less the other; Newcombe's interval, made of those of both."""
    if not of or not of_other:
        return Estimate(value=None, low=None, high=None)
    (low, high), (other_low, other_high) = _wilson(count, of), _wilson(other, of_other)
    first, second = count / of, other / of_other
    return Estimate(
        value=first - second,
        low=first - second - sqrt((first - low) ** 2 + (other_high - second) ** 2),
        high=first - second + sqrt((high - first) ** 2 + (second - other_low) ** 2),
    )


def mean(values: Sequence[float]) -> Estimate:
    if len(values) < 2:
        return Estimate(value=values[0] if values else None, low=None, high=None)
    return _around(fmean(values), variance(values) / len(values))


def mean_difference(values: Sequence[float], others: Sequence[float]) -> Estimate:
    """The first mean less the other, whose values may spread differently."""
    if len(values) < 2 or len(others) < 2:
        return Estimate(value=None, low=None, high=None)
    spread = variance(values) / len(values) + variance(others) / len(others)
    return _around(fmean(values) - fmean(others), spread)


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The smallest value that so many percent do not pass."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _around(value: float, squared_error: float) -> Estimate:
    margin = Z * sqrt(squared_error)
    return Estimate(value=value, low=value - margin, high=value + margin)


def _wilson(count: int, of: int) -> tuple[float, float]:
    middle = (count + Z * Z / 2) / (of + Z * Z)
    margin = Z / (of + Z * Z) * sqrt(count * (of - count) / of + Z * Z / 4)
    return max(0.0, middle - margin), min(1.0, middle + margin)
