"""A sound locale, and others with one thing wrong each."""

from __future__ import annotations

import random
from collections.abc import Mapping

from csai_sdk import Locale
from csai_testkit.conformance import LocaleSuite
from variant import Plugin, breaks


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


class TestSound(LocaleSuite):
    plugin = "locale_variants:sound"
    samples = ("\u05d0\u05d9\u05e4\u05d4 \u05d4\u05d4\u05d6\u05de\u05e0\u05d4 \u05e9\u05dc\u05d9?",)


sound = Plugin(Sound)


@breaks("names_its_language", TestSound)
class NamesItInWords(Sound):
    code = "Hebrew"


@breaks("knows_its_language", TestSound)
class KnowsNothing(Sound):
    def matches(self, text: str) -> float:
        return 0.0


@breaks("judges_any_text", TestSound)
class StumblesOverNothing(Sound):
    def matches(self, text: str) -> float:
        return super().matches(text) if text else -1.0


@breaks("is_quick", TestSound)
class IsSlow(Sound):
    def matches(self, text: str) -> float:
        if len(text) > 1000:
            for _ in range(50):
                super().matches(text)
        return super().matches(text)


@breaks("is_quick", TestSound)
class Guesses(Sound):
    def matches(self, text: str) -> float:
        return random.random() if len(text) > 1000 else super().matches(text)


@breaks("speaks_to_model_and_widget", TestSound)
class HasAnEmptyLabel(Sound):
    def labels(self) -> Mapping[str, str]:
        return {"send": " "}
