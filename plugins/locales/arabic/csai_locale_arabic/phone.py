"""Telephone numbers of some countries where Arabic is spoken."""

from __future__ import annotations

import re

COUNTRIES = {
    "SA": ("966", re.compile(r"5[0-9]{8}|1[1-7][0-9]{7}")),
    "AE": ("971", re.compile(r"5[0-9]{8}|[234679][0-9]{7}")),
    "EG": ("20", re.compile(r"1[0125][0-9]{8}|2[0-9]{8}|[3-9][0-9]{7,8}")),
}
"""By country (ISO 3166): its prefix, and its numbers without the zero that begins them at home."""
_MAX_CHARS = 40
_SEPARATORS = re.compile("[\\s().\u2010-\u2015\u2066-\u2069\u200e\u200f\u061c/-]+")
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")


def read_phone(text: str, *, country: str) -> str:
    """In E.164, such as `+966501234567`, also from Arabic digits."""
    prefix, national = COUNTRIES[country]
    digits = _SEPARATORS.sub("", text[: _MAX_CHARS + 1].translate(_DIGITS))
    number = re.sub(rf"^(?:(?:\+|00)?{prefix}0?|0)(?=[0-9])", "", digits, count=1)
    if len(text) > _MAX_CHARS or number == digits or not national.fullmatch(number):
        raise ValueError(f"a telephone number of the country {country} is wanted, such as +{prefix}...")
    return f"+{prefix}{number}"
