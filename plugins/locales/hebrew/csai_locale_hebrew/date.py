"""Dates as Israelis write them."""

from __future__ import annotations

import re
from datetime import date

WANTED = "a date with its year is wanted, day first, such as 26.11.2026, or 2026-11-26"
_MAX_CHARS = 40
_MONTHS = (
    "ינואר",
    "פברואר",
    "מרץ",
    "אפריל",
    "מאי",
    "יוני",
    "יולי",
    "אוגוסט",
    "ספטמבר",
    "אוקטובר",
    "נובמבר",
    "דצמבר",
)
_SPELLINGS = {**{name: number for number, name in enumerate(_MONTHS, 1)}, "מרס": 3}
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_DIGITS = re.compile(r"(?P<day>\d{1,2})([./-])(?P<month>\d{1,2})\2(?P<year>\d{4}|\d{2})", re.ASCII)
_WORDS = re.compile(
    rf"(?P<day>\d{{1,2}}) ?(?:ב|ל)?(?P<month>{'|'.join(_SPELLINGS)}),? (?P<year>\d{{4}})", re.ASCII
)


def read_date(text: str) -> str:
    """By ISO 8601, such as `2026-11-26`. A year of two digits is of this century."""
    text = text.strip() if len(text) <= _MAX_CHARS else ""
    found = _ISO.fullmatch(text) or _DIGITS.fullmatch(text) or _WORDS.fullmatch(text)
    if not found:
        raise ValueError(WANTED)
    year = int(found["year"])
    month = _SPELLINGS.get(found["month"]) or int(found["month"])
    try:
        return date(year if year > 99 else 2000 + year, month, int(found["day"])).isoformat()
    except ValueError:
        raise ValueError(WANTED) from None
