"""A sound locale, and others with one thing wrong each."""

from __future__ import annotations

import random
from collections.abc import Mapping

from csai_sdk import Locale

from core.testkit.tests.variants.variant import Plugin, breaks


class Sound(Locale):
    code = "he"
    direction = "rtl"

    def matches(self, text: str) -> float:
        letters = [letter for letter in text if letter.isalpha()]
        hebrew = sum("\u0590" <= letter <= "\u05ff" for letter in letters)
        return hebrew / len(letters) if letters else 0.0

    def prompt_fragment(self) -> str:
        return "Answer in Hebrew."

    def labels(self) -> Mapping[str, str]:
        return {"send": "\u05e9\u05dc\u05d7"}


sound = Plugin(Sound)


@breaks("names_its_language")
class NamesItInWords(Sound):
    code = "Hebrew"


@breaks("knows_its_language")
class KnowsNothing(Sound):
    def matches(self, text: str) -> float:
        return 0.0


@breaks("judges_any_text")
class StumblesOverNothing(Sound):
    def matches(self, text: str) -> float:
        return super().matches(text) if text else -1.0


@breaks("is_quick")
class IsSlow(Sound):
    def matches(self, text: str) -> float:
        if len(text) > 1000:
            for _ in range(50):
                super().matches(text)
        return super().matches(text)


@breaks("is_quick")
class Guesses(Sound):
    def matches(self, text: str) -> float:
        return random.random() if len(text) > 1000 else super().matches(text)


@breaks("speaks_to_model_and_widget")
class HasAnEmptyLabel(Sound):
    def labels(self) -> Mapping[str, str]:
        return {"send": " "}
