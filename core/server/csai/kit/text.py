"""Text from models and tools, made fit for every database and every reader."""

from __future__ import annotations


def clean(text: str) -> str:
    """Without NUL, which PostgreSQL cannot store, and half surrogate pairs, which cannot be encoded."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def is_clean(text: str) -> bool:
    return clean(text) == text
