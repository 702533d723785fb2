"""Locales: language, direction, and what a model must know to speak it well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal


class Locale(ABC):
    """A language of visitors. All methods are pure and quick: they run on every message."""

    code: str
    """BCP 47, such as `he` or `pt-BR`."""

    direction: Literal["ltr", "rtl"] = "ltr"

    @abstractmethod
    def matches(self, text: str) -> float:
        """How surely `text` is written in this language, from 0.0 to 1.0."""

    def prompt_fragment(self) -> str:
        """Added to the system prompt when the visitor writes in this language; may be empty."""
        return ""

    def labels(self) -> Mapping[str, str]:
        """The widget's labels by key, such as `send`; missing keys fall back to English."""
        return {}
