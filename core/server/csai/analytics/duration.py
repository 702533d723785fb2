"""How long calls take, kept as counts: days of many clients add up, which percentiles do not."""

from __future__ import annotations

from collections.abc import Sequence

BOUNDS_MS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
COLUMNS = (*(f"ms_{bound}" for bound in BOUNDS_MS), "ms_more")
LONGEST_MS = 120_000
"""A call may not take longer."""


def percentile_ms(counts: Sequence[int], percent: int) -> int | None:
    """About how long that part of the calls took at most, even spread assumed between two bounds.

    None where none ran.
    """
    total = sum(counts)
    if total == 0:
        return None
    wanted = total * percent / 100
    lower = 0
    for count, upper in zip(counts, (*BOUNDS_MS, LONGEST_MS), strict=True):
        if count and wanted <= count:
            return round(lower + (upper - lower) * wanted / count)
        wanted -= count
        lower = upper
    return LONGEST_MS
