"""Locales: language, direction, and what a model must know to speak it well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal


class Locale(ABC):
    """A language of visitors. All methods are pure and quick: they run on every message."""

    code: str
    """BCP 47, such as `he` or `pt-BR`."""

    direction: Literal["ltr", "rtl"] = "ltr"

    @abstractmethod
    def matches(self, text: str) -> float:
        """How surely `text` is written in this language, from 0.0 to 1.0.

        What is above 0.5 is taken for this language, where no other locale is surer. `share_of_script` tells
        languages that have letters of their own.
        """

    def prompt_fragment(self) -> str:
        """Added to the system prompt when the visitor writes in this language; may be empty."""
        return ""

    def labels(self) -> Mapping[str, str]:
        """Translations of `english_labels()` by key, such as `send`; missing keys fall back to English.

        The widget's labels are handed out to whoever asks for this language. Those that begin with `server.`
        are what the server itself says, and with `channel.` what it says on channels. What stands in braces
        has to stand in the translation, but for `{what}`; parts between `|` stay as many.
        """
        return {}

    def forms(self) -> Mapping[str, Callable[[str], str]]:
        """How things are written where this language is spoken, by the names of forms, such as `phone-IL`.

        Where a tool's schema gives a text argument such a `format`, the function is called with what the
        model wrote before the arguments are checked, and what it returns takes its place: the one way in
        which a system wants it, such as `+972501234567`. Given that, it returns the same. It raises
        `ValueError` for what cannot be meant, with words for the model that say what is wanted; they quote
        nothing. A name ends with the country (ISO 3166) or currency (ISO 4217) that it is of.
        """
        return {}
