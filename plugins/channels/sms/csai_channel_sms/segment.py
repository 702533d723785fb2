"""How long a text message is: it goes in segments, of more or fewer characters by what is in it.

Source: https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding (3GPP TS 23.038)
"""

from __future__ import annotations

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
# What word processors write, and every telephone shows as well without.
_PLAIN = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "\u00a0": " ",
        "•": "-",
        "«": '"',
        "»": '"',
    }
)
_GSM_ALONE, _GSM_PART = 160, 153
_UCS_ALONE, _UCS_PART = 70, 67


def simplified(text: str) -> str:
    """The text without typographic marks, where that saves it from the encoding with fewer characters."""
    plain = text.translate(_PLAIN)
    return plain if is_gsm(plain) else text


def is_gsm(text: str) -> bool:
    return all(each in _BASIC or each in _EXTENDED for each in text)


def segments(text: str) -> int:
    """How many segments the text is sent in."""
    if not text:
        return 0
    if is_gsm(text):
        units = sum(2 if each in _EXTENDED else 1 for each in text)
        alone, part = _GSM_ALONE, _GSM_PART
    else:
        units = len(text.encode("utf-16-be")) // 2
        alone, part = _UCS_ALONE, _UCS_PART
    return 1 if units <= alone else -(-units // part)
