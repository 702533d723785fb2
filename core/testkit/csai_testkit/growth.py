"""That reading hostile text takes a time that grows with its length, whatever the machine's speed."""

from __future__ import annotations

import time
from collections.abc import Callable

_TIMES = 10
_ALLOWED = 3 * _TIMES
_NOISE_S = 0.1


def assert_grows_with_length(read: Callable[[str], object], piece: str, count: int) -> None:
    """Fail where `read` compares each of `count` pieces with all others.

    A tenth of the pieces and all of them are read, and their processor times compared: ten times the
    text may take thirty times as long (and 0.1 s), where comparing all with all would take a hundred times.
    """
    short, long = (min(_seconds(read, piece * times) for _ in range(3)) for times in (count // _TIMES, count))
    if long > _ALLOWED * short + _NOISE_S:
        raise AssertionError(
            f"{count // _TIMES} times {piece!r} took {short:.4f} s, {count} times {long:.4f} s: "
            "the time grows faster than the length"
        )


def _seconds(read: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    read(text)
    return time.process_time() - began
