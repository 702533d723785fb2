"""What the server itself says on a channel: in a locale's words, or in English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from csai_sdk import Locale

from csai.locales.language import label_in

Said = Literal[
    "stop", "start", "help", "expired", "confirm", "limit", "missed", "missed_back", "missed_subject"
]


def words(said: Said, heard: Sequence[str], locales: Sequence[Locale], *, name: str = "") -> str:
    """In the visitor's language, which the longest of their latest texts tells best."""
    longest = max(heard, key=len, default="")
    return label_in(f"channel.{said}", [longest], locales).replace("{name}", name)


def question(confirmation: Mapping[str, Any], reply: str) -> str:
    """What the visitor is asked to confirm, where there are no buttons: just what would be done."""
    details = [f"- {each['label']}: {each['value']}" for each in confirmation.get("details", ())]
    return "\n".join([f"{confirmation['title']}?", *details, reply])
