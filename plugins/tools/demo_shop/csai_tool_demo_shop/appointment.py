"""When the shop can be visited, and which times are taken."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Literal

SLOT = timedelta(minutes=30)
MOST_DAYS_AHEAD = 60
OPENING_HOURS = "Monday to Friday 09:00 to 17:00, Saturday 10:00 to 14:00"
_HOURS = {day: (time(9), time(17)) for day in range(5)} | {5: (time(10), time(14))}

Refusal = Literal["past", "too_far_ahead", "closed", "not_a_slot", "taken"]


class Bookings:
    """Taken times of one client, in memory. Whose they are is not kept, only a mark to know a repeat by."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._taken: dict[datetime, str] = {}

    def reference(self, start: datetime, name: str, service: str) -> str:
        """The same for the same wish, so that asking twice books once."""
        wish = "\n".join((start.isoformat(), " ".join(name.casefold().split()), service))
        return (
            "APT-"
            + hmac.new(self._key, wish.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:8].upper()
        )

    def holder(self, start: datetime) -> str | None:
        return self._taken.get(start)

    def take(self, start: datetime, reference: str, *, now: datetime) -> None:
        self._taken = {when: taken for when, taken in self._taken.items() if when > now}
        self._taken[start] = reference

    def free_after(self, start: datetime, *, now: datetime, count: int) -> list[datetime]:
        """The next free slots from `start` on, or from now where that is later."""
        free: list[datetime] = []
        for slot in _slots(max(start, now)):
            if slot > now + timedelta(days=MOST_DAYS_AHEAD) or len(free) == count:
                break
            if slot > now and slot not in self._taken:
                free.append(slot)
        return free


def refusal_of(start: datetime, *, now: datetime) -> Refusal | None:
    """Why nobody can come at that time, taken or not."""
    if start <= now:
        return "past"
    if start > now + timedelta(days=MOST_DAYS_AHEAD):
        return "too_far_ahead"
    hours = _HOURS.get(start.weekday())
    if hours is None or not hours[0] <= start.time() < hours[1]:
        return "closed"
    return "not_a_slot" if start.minute % 30 else None


def _slots(start: datetime) -> Iterator[datetime]:
    """All slots from a time on. Reykjavik keeps UTC the whole year, so the shop's time needs no zone."""
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        if hours := _HOURS.get(day.weekday()):
            slot = datetime.combine(day, hours[0], tzinfo=UTC)
            while slot.time() < hours[1]:
                if slot >= start:
                    yield slot
                slot += SLOT
        day += timedelta(days=1)
