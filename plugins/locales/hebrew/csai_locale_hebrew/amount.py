"""Amounts of shekels."""

from __future__ import annotations

import re

WANTED = "an amount of shekels is wanted, such as 1234.50"
_MAX_CHARS = 40
_CURRENCY = r"""(?:₪|ש["״']{1,2}ח|שקל(?:ים)?(?: חדש(?:ים)?)?|ILS|NIS)"""
_AMOUNT = re.compile(
    rf"(?:{_CURRENCY})?\s*(\d{{1,3}}(?:,\d{{3}})+|\d{{1,12}})(?:\.(\d{{1,2}}))?\s*(?:{_CURRENCY})?",
    re.ASCII | re.IGNORECASE,
)
_MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")


def read_amount(text: str) -> str:
    """With two decimals and no separators, such as `1234.50`; never negative."""
    found = None if len(text) > _MAX_CHARS else _AMOUNT.fullmatch(_MARKS.sub("", text).strip())
    if not found:
        raise ValueError(WANTED)
    whole = str(int(found[1].replace(",", "")))
    return f"{whole}.{(found[2] or '').ljust(2, '0')}"
