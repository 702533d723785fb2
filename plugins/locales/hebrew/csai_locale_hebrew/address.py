"""Israeli postal addresses."""

from __future__ import annotations

import re

WANTED = (
    "an Israeli address is wanted: street and house number, then the town, then the postal code where it is "
    "known, such as: הרצל 5/3, תל אביב 6120101"
)
CODE_WANTED = "an Israeli postal code is wanted: 7 digits, such as 6120101 (codes of 5 digits are out of use)"
_MAX_CHARS = 300
_COUNTRY = re.compile(r"ישראל|israel|il", re.IGNORECASE)
_CODE = re.compile(r"(?<![0-9])(?:מיקוד:? ?)?([0-9]{5})[ -]?([0-9]{2})(?![0-9])")
_STREET_WORD = re.compile(r"(?:רחוב|רח['׳]?) ")
_FLAT = re.compile(r"(?:דירה|ד['׳]|apt\.?|apartment|flat) ?([0-9]{1,4})", re.IGNORECASE)
_HOUSE = re.compile(r".*[^\W\d].* [0-9]{1,4} ?[א-ת]?['׳]?(?:/[0-9]{1,4})?|[0-9]{1,4} .*[^\W\d].*")
_BOX = re.compile(r"(?:ת[\"״.]?ד\.?|p\.?o\.? ?box) ?([0-9]{1,6})", re.IGNORECASE)


def read_postal_code(text: str) -> str:
    """Seven digits."""
    digits = re.sub(r"[\s-]", "", text[:20])
    if len(text) > 20 or not re.fullmatch(r"[0-9]{7}", digits):
        raise ValueError(CODE_WANTED)
    return digits


def read_address(text: str) -> str:
    """In one line: `הרצל 5/3, תל אביב 6120101`, and what else was said (entrance, floor) between the two.

    It has a house number or post-office box and a town, or the name of a place and its postal code. Whether
    there is such a street is not known.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError(WANTED)
    found = _CODE.search(text)
    code = f" {found[1]}{found[2]}" if found else ""
    parts = _parts(text[: found.start()] + "," + text[found.end() :] if found else text)
    flat = next((match[1] for part in parts if (match := _FLAT.fullmatch(part))), None)
    parts = [part for part in parts if not _FLAT.fullmatch(part)]
    if not parts or not any(character.isalpha() for character in parts[-1]):
        raise ValueError(WANTED)
    if len(parts) == 1:
        if not code or flat or any(map(str.isdigit, parts[0])):
            raise ValueError(WANTED)
        return parts[0] + code
    street = _street(parts[0], flat)
    return ", ".join([street, *parts[1:]]) + code


def _parts(text: str) -> list[str]:
    spaced = (" ".join(part.split()) for part in re.split(r"[,\n;]", text))
    return [
        part.strip(" .") for part in spaced if part.strip(" .") and not _COUNTRY.fullmatch(part.strip(" ."))
    ]


def _street(part: str, flat: str | None) -> str:
    box = _BOX.fullmatch(part)
    if box:
        return f'ת"ד {box[1]}'
    inner = _FLAT.search(part)
    if inner and flat is None:
        part, flat = part[: inner.start()].strip() + part[inner.end() :], inner[1]
    part = _STREET_WORD.sub("", part, count=1) if _STREET_WORD.match(part) else part
    if not _HOUSE.fullmatch(part):
        raise ValueError(WANTED)
    return f"{part}/{flat}" if flat and "/" not in part else part
