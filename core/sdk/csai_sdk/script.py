"""Telling a language by its letters."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+")
_NAME_WEIGHT = 0.25
"""Of a letter in a word with a capital or after a digit: names of products and places are written alike in
every language, and say little of the one that a sentence is in."""


def share_of_script(text: str, letters: str) -> float:
    """How much of what is written in `text` is written with `letters`, from 0.0 to 1.0.

    `letters` is the inside of a character class of `re`, such as `\\u05d0-\\u05ea`. Addresses of sites and
    mail, digits and signs do not count; Latin words with a capital count little. 0.0 where nothing counts.
    """
    text = " ".join(word for word in text.split() if not _is_address(word))
    own = sum(map(len, re.findall(f"[{letters}]+", text)))
    if not own:
        return 0.0
    rest = re.sub(f"[{letters}]+", " ", text)
    others = sum(len(word) * (1 if word == word.lower() else _NAME_WEIGHT) for word in _WORD.findall(rest))
    return own / (own + others)


def _is_address(word: str) -> bool:
    return "://" in word or "@" in word or word[:4].lower() == "www."
