"""Intervals, against values that others have worked out."""

from __future__ import annotations

import pytest
from csai.experiments import statistic
from csai.experiments.schemas import Estimate


def bounds(of: Estimate) -> tuple[float, float]:
    assert of.low is not None
    assert of.high is not None
    return round(of.low, 4), round(of.high, 4)


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_a_share_lies_where_wilson_has_it(count: int, of: int, expected: tuple[float, float]) -> None:
    assert bounds(statistic.share(count, of)) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ],
)
def test_two_shares_differ_as_newcombe_has_it(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float]
) -> None:
    found = statistic.share_difference(*first, *second)
    assert bounds(found) == pytest.approx(expected, abs=2e-4)


def test_nothing_is_made_of_nothing() -> None:
    for empty in (
        statistic.share(0, 0),
        statistic.mean([]),
        statistic.share_difference(0, 0, 1, 2),
        statistic.mean_difference([1.0], [1.0, 2.0]),
    ):
        assert (empty.low, empty.high) == (None, None)
    assert statistic.percentile([], 50) is None


def test_two_means_differ_by_the_spread_of_both() -> None:
    steady, spread = [1.0] * 32, [0.0, 4.0] * 16
    for found in (statistic.mean_difference(steady, spread), statistic.mean_difference(spread, steady)):
        assert found.low is not None
        assert found.high is not None
        # 1.96 times the root of (16 x 2 x 4 / 31) / 32, by hand.
        assert found.high - found.low == pytest.approx(2 * 1.96 * (32 * 4 / 31 / 32) ** 0.5)


def test_percentiles_are_values_that_there_were() -> None:
    values = list(range(1, 101))
    assert [statistic.percentile(values, percent) for percent in (50, 95, 100)] == [50, 95, 100]
    assert statistic.percentile([7], 95) == 7


def test_means_that_lie_apart_differ_and_equal_ones_do_not() -> None:
    low, high = bounds(statistic.mean_difference([2.0, 2.1, 1.9] * 20, [1.0, 1.1, 0.9] * 20))
    assert 0 < low < 1 < high
    low, high = bounds(statistic.mean_difference([1.0, 2.0] * 20, [1.0, 2.0] * 20))
    assert low < 0 < high
