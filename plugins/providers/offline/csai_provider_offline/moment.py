"""Reads days and times out of a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"


@dataclass(frozen=True, slots=True)
class Found:
    """What was read, in ISO 8601, and where it stood."""

    value: str
    start: int
    end: int


def find_date(text: str, today: date) -> Found | None:
    """The first day named, at or after `today` where no year is given."""
    for pattern, read in _DATES:
        if match := pattern.search(text):
            try:
                return Found(read(match, today).isoformat(), match.start(), match.end())
            except (ValueError, OverflowError):
                continue  # The 31st of February, or a year past the calendar's end.
    return None


def find_time(text: str) -> Found | None:
    """The first time of day that is certain; "at 3" might be either half of the day."""
    for pattern, read in _TIMES:
        if match := pattern.search(text):
            try:
                return Found(read(match).strftime("%H:%M"), match.start(), match.end())
            except ValueError:
                continue
    return None


def in_words(value: str) -> str:
    """An ISO date or timestamp as a person writes it; anything else unchanged."""
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", value
    )
    if not match:
        return value
    try:
        day = date.fromisoformat(match[1])
    except ValueError:
        return value
    return f"{day:%A}, {day.day} {day:%B} {day.year}" + (f" at {match[2]}" if match[2] else "")


def _weekday(match: re.Match[str], today: date) -> date:
    ahead = (_WEEKDAYS.index(match["weekday"].lower()) - today.weekday()) % 7
    return today + timedelta(days=ahead or 7)


def _in_days(match: re.Match[str], today: date) -> date:
    return today + timedelta(days=int(match["count"]) * (7 if match["unit"].lower() == "week" else 1))


def _named_month(match: re.Match[str], today: date) -> date:
    month = _MONTHS.index(match["month"].lower()) + 1
    if match["year"]:
        return date(int(match["year"]), month, int(match["day"]))
    this_year = date(today.year, month, int(match["day"]))
    return this_year if this_year >= today else date(today.year + 1, month, int(match["day"]))


def _day_first(match: re.Match[str], today: date) -> date:
    return date(int(match["year"]), int(match["month"]), int(match["day"]))


_DATES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b", _day_first),
        # With dots the day comes first everywhere; with slashes it depends on the country, so it is asked.
        (r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b", _day_first),
        (rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}(?!\w)", _named_month),
        (rf"\b{_MONTH}\s+{_DAY}{_YEAR}(?!\w)", _named_month),
        (r"\bday after tomorrow\b", lambda match, today: today + timedelta(days=2)),
        (r"\btomorrow\b|\bמחר\b", lambda match, today: today + timedelta(days=1)),
        (r"\btoday\b|\btonight\b|\bהיום\b", lambda match, today: today),
        (r"\bin\s+(?P<count>\d{1,3})\s+(?P<unit>day|week)s?\b", _in_days),
        (rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)})\b", _weekday),
    )
)


def _twelve_hours(match: re.Match[str]) -> time:
    hour = int(match["hour"])
    if not 1 <= hour <= 12:
        raise ValueError("no hour of a clock")
    afternoon = 12 if match["half"].lower().startswith("p") else 0
    return time(hour % 12 + afternoon, int(match["minute"] or 0))


_TIMES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], time]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (r"\b(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s*(?P<half>[ap]\.?m\b\.?)", _twelve_hours),
        (
            r"(?<![\d:])(?P<hour>\d{1,2}):(?P<minute>\d\d)(?![\d:])",
            lambda m: time(int(m["hour"]), int(m["minute"])),
        ),
        (r"\bnoon\b|\bmidday\b", lambda match: time(12)),
        (
            r"\bat\s+(?P<hour>0?[89]|1\d|2[0-3])(?:\s*o'?clock|\s*h)?(?![\d:./-])",
            lambda m: time(int(m["hour"])),
        ),
    )
)
