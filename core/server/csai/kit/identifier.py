"""Ids that sort by time (UUIDv7, RFC 9562)."""

from __future__ import annotations

import os
import time
import uuid

from csai.kit.problem import not_found

_last = 0


def new_id() -> str:
    """Above all that this process made before, also within a millisecond and when its clock is set back."""
    global _last
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    # RFC 9562, 6.2, method 3: twelve of the random bits hold the fraction of the millisecond.
    now = (seconds * 1_000 + milliseconds) << 12 | rest * 4096 // 1_000_000
    _last = max(now, _last + 1)
    high = (_last >> 12) << 16 | 0x7000 | _last & 0xFFF
    low = 0b10 << 62 | int.from_bytes(os.urandom(8)) >> 2
    digits = f"{high << 64 | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_id(value: str) -> bool:
    """Whether `value` is a UUID in its usual form, in lower case, as a database column gives it back."""
    if len(value) != 36:
        return False
    try:
        return str(uuid.UUID(value)) == value
    except ValueError:
        return False


def check_id(value: str, what: str) -> None:
    """Raises 404 for what cannot be the id of a `what`, as for one that there is not."""
    if not is_id(value):
        raise not_found(what)
