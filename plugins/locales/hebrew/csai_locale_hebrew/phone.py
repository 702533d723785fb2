"""Israeli telephone numbers."""

from __future__ import annotations

import re

WANTED = "an Israeli telephone number with its area code is wanted, such as 050-123-4567 or +972501234567"
_MAX_CHARS = 40
_SEPARATORS = re.compile("[\\s().\u05be\u2010-\u2015\u2066-\u2069\u200e\u200f/-]+")
_ABROAD = re.compile(r"(?:\+|00)?972(?:0)?(?=\d)")
# Mobile and network numbers have nine digits after the zero, those of a place eight.
_NATIONAL = re.compile(r"5\d{8}|7[2-9]\d{7}|[23489]\d{7}", re.ASCII)


def read_phone(text: str) -> str:
    """In E.164, such as `+972501234567`; star and 1-700 numbers, not reached from everywhere, are refused."""
    digits = _SEPARATORS.sub("", text[: _MAX_CHARS + 1])
    abroad = _ABROAD.match(digits)
    if abroad:
        national = digits[abroad.end() :]
    elif digits.startswith("0"):
        national = digits[1:]
    else:
        national = ""
    if len(text) > _MAX_CHARS or not _NATIONAL.fullmatch(national):
        raise ValueError(WANTED)
    return f"+972{national}"
