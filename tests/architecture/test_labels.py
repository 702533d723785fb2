"""The words of the widget and the server: one list, which locales translate."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from csai.channels.consent import consent_in, decision_in
from csai.locales.language import widget_locale
from csai_locale_arabic.label import LABELS as ARABIC
from csai_locale_hebrew.label import LABELS as HEBREW
from csai_sdk import english_labels

WIDGET = Path(__file__).resolve().parents[2] / "widget"
LABELS = re.compile(r"export type Label =([^;]+);")


def test_the_widget_is_sent_every_word_that_it_says() -> None:
    listed = LABELS.search((WIDGET / "src" / "labels.ts").read_text())
    assert listed is not None
    wanted = re.findall(r'"(\w+)"', listed[1])
    sent = widget_locale([], None, "")["labels"]
    assert sorted(key for key in sent if ":" not in key) == sorted(wanted)
    assert all(sent.values())


@pytest.mark.parametrize("labels", [english_labels(), HEBREW, ARABIC], ids=["en", "he", "ar"])
def test_the_words_that_visitors_are_told_to_reply_are_understood(labels: dict[str, str]) -> None:
    def words(key: str) -> list[str]:
        return re.findall(r"\w+", labels[key].partition("{name}")[2] or labels[key])

    assert "start" in map(consent_in, words("channel.stop"))
    assert "stop" in map(consent_in, words("channel.start"))
    assert "stop" in map(consent_in, words("channel.help"))
    assert {"approve", "decline"} <= set(map(decision_in, words("channel.confirm")))
