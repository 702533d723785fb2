"""Which language a visitor writes in."""

from __future__ import annotations

import pytest
from csai.locales.language import labels_of, written_in
from csai_locale_arabic.locale import Arabic
from csai_locale_hebrew.locale import Hebrew

LOCALES = (Arabic(), Hebrew())


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["איפה ההזמנה שלי?"], "he"),
        (["أين طلبي؟"], "ar"),
        (["Where is my order?", "איפה ההזמנה שלי?"], None),
        (["AB-4711", "איפה ההזמנה שלי?"], "he"),
        (["iPhone 15 Pro", "https://shop.example/kettles", "dana@shop.example", "👍", "أين طلبي؟"], "ar"),
        (["你好吗", "איפה ההזמנה שלי?"], None),
        (["12", "34"], None),
        ([], None),
    ],
)
def test_the_latest_words_tell_the_language(texts: list[str], code: str | None) -> None:
    locale = written_in(texts, LOCALES)
    assert (locale.code if locale else None) == code


def test_labels_that_there_are_not_are_left_out() -> None:
    class Odd(Hebrew):
        def labels(self) -> dict[str, str]:
            return {"send": "", "open": "פתיחה", "no-such": "x"}

    assert labels_of(Odd()) == {"open": "פתיחה"}
