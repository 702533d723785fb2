"""A sound locale, and others with one thing wrong each."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Literal

from csai_sdk import Locale, english_labels

from core.testkit.tests.variants.variant import Plugin, breaks


class Sound(Locale):
    code = "he"
    direction: Literal["ltr", "rtl"] = "rtl"

    def matches(self, text: str) -> float:
        letters = [letter for letter in text if letter.isalpha()]
        hebrew = sum("\u0590" <= letter <= "\u05ff" for letter in letters)
        return hebrew / len(letters) if letters else 0.0

    def prompt_fragment(self) -> str:
        return "Answer in Hebrew."

    def labels(self) -> Mapping[str, str]:
        return {
            key: "|".join(map(translated, english.split("|"))) for key, english in english_labels().items()
        }

    def forms(self) -> Mapping[str, Callable[[str], str]]:
        return {"plate-IL": read_plate}


def translated(english: str) -> str:
    return " ".join(("\u05e9\u05dc\u05d7", *re.findall(r"\{\w+\}", english)))


def read_plate(text: str) -> str:
    digits = text.replace("-", "")
    if len(digits) != 8 or not digits.isdecimal():
        raise ValueError("a plate's eight digits are wanted")
    return digits


sound = Plugin(Sound)


@breaks("names_its_language")
class NamesItWrongly(Sound):
    code = "he-il"


@breaks("knows_its_language")
class KnowsNothing(Sound):
    def matches(self, text: str) -> float:
        return 0.0


@breaks("runs_as_it_is_written")
class RunsTheOtherWay(Sound):
    direction = "ltr"


@breaks("claims_no_other_language")
class ClaimsArabic(Sound):
    def matches(self, text: str) -> float:
        return max(super().matches(text), 0.6 * any("\u0600" <= letter <= "\u06ff" for letter in text))


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
        return {**super().labels(), "send": " "}


@breaks("speaks_to_model_and_widget")
class MisspellsALabel(Sound):
    def labels(self) -> Mapping[str, str]:
        return {**super().labels(), "sned": "\u05e9\u05dc\u05d7"}


@breaks("keeps_what_is_filled_in")
class LosesTheSeconds(Sound):
    def labels(self) -> Mapping[str, str]:
        return {**super().labels(), "retryIn": "\u05e9\u05d5\u05d1"}


@breaks("keeps_what_is_filled_in")
class FillsInWhatIsNot(Sound):
    def labels(self) -> Mapping[str, str]:
        return {**super().labels(), "send": "\u05e9\u05dc\u05d7 {name}"}


@breaks("keeps_what_is_filled_in")
class LosesAPart(Sound):
    def labels(self) -> Mapping[str, str]:
        return {**super().labels(), "toolSend": "\u05e9\u05dc\u05d7|\u05e9\u05dc\u05d7"}


@breaks("translates_every_label")
class LeavesOneInEnglish(Sound):
    def labels(self) -> Mapping[str, str]:
        return {key: label for key, label in super().labels().items() if key != "send"}


@breaks("reads_its_forms")
class ReadsAnything(Sound):
    def forms(self) -> Mapping[str, Callable[[str], str]]:
        return {"plate-IL": lambda text: text.replace("-", "")}


@breaks("reads_its_forms")
class QuotesWhatItRefuses(Sound):
    def forms(self) -> Mapping[str, Callable[[str], str]]:
        def read(text: str) -> str:
            try:
                return read_plate(text)
            except ValueError:
                raise ValueError(f"no plate: {text[:40]}") from None

        return {"plate-IL": read}
