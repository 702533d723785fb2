"""`LocaleSuite`: languages."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import pytest
from csai_sdk import Locale, english_labels

from csai_testkit.conformance.check import capability, required
from csai_testkit.conformance.plugin import PluginSuite
from csai_testkit.registration import part_name

_CODE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_FORM = re.compile(r"[a-z]+(-[a-z]+)*-[A-Z]{2,3}")
_BRACES = re.compile(r"\{\w*\}")
_STRANGE = ("", " ", "\x00", "\ud800", "\U0001f600" * 3, "12345", "\u202e\u202c", "<b>&amp;</b>")
_QUOTABLE = "zqxj wvkq"
_LONGEST_MESSAGE = 16_000
_BUDGET_S = 0.02
_MAY_BE_LEFT_OUT = {"{what}"}

_SPEECH: Mapping[str, Sequence[str]] = {
    "en": ("Where is my order?", "It says \u05e9\u05dc\u05d5\u05dd on the box, what does that mean?"),
    "es": ("\u00bfD\u00f3nde est\u00e1 mi pedido?",),
    "he": ("\u05d0\u05d9\u05e4\u05d4 \u05d4\u05d4\u05d6\u05de\u05e0\u05d4 \u05e9\u05dc\u05d9?",),
    "ar": ("\u0623\u064a\u0646 \u0637\u0644\u0628\u064a \u0645\u0646 \u0641\u0636\u0644\u0643\u061f",),
    "fa": ("\u0633\u0641\u0627\u0631\u0634 \u0645\u0646 \u06a9\u062c\u0627\u0633\u062a\u061f",),
    "ur": ("\u0645\u06cc\u0631\u0627 \u0622\u0631\u0688\u0631 \u06a9\u06c1\u0627\u06ba \u06c1\u06d2\u061f",),
    "ru": ("\u0413\u0434\u0435 \u043c\u043e\u0439 \u0437\u0430\u043a\u0430\u0437?",),
    "el": ("\u03a0\u03bf\u03cd \u03b5\u03af\u03bd\u03b1\u03b9 \u03c4\u03bf;",),
    "zh": ("\u6211\u7684\u8ba2\u5355\u5728\u54ea\u91cc\uff1f",),
    "hi": ("\u092e\u0947\u0930\u093e \u0911\u0930\u094d\u0921\u0930 \u0915\u0939\u093e\u0901 \u0939\u0948?",),
}
"""What visitors write, by language."""


class LocaleSuite(PluginSuite):
    """Set `samples` and `others`."""

    kind: ClassVar[str] = "locale"
    part_id: ClassVar[str] = ""

    samples: ClassVar[Sequence[str]] = ()
    """What visitors write in this language."""

    others: ClassVar[Sequence[str]] = ()
    """What visitors write in others, beside what the suite knows of ten languages."""

    forms: ClassVar[Mapping[str, Sequence[tuple[str, str]]]] = {}
    """For each of the locale's forms: what is written, and what that becomes."""

    def locale(self) -> Locale:
        found = [
            part
            for part in self.registration.parts.get("locale", ())
            if not self.part_id or part_name(part) == self.part_id
        ]
        assert len(found) == 1, "name the locale's code in `part_id`"
        only: Locale = found[0]
        return only

    def all_others(self) -> Sequence[str]:
        """What is written in other languages: `others`, and the suite's own but for this language."""
        own = self.locale().code.partition("-")[0]
        return (*self.others, *(text for code, texts in _SPEECH.items() if code != own for text in texts))

    @required
    def test_names_its_language(self) -> None:
        """The code is BCP 47, such as `he` or `pt-BR`, and the direction `ltr` or `rtl`."""
        locale = self.locale()
        assert _CODE.fullmatch(locale.code), f"{locale.code!r} is no language code"
        assert locale.direction in ("ltr", "rtl"), f"{locale.direction!r} is no direction"

    @required
    def test_runs_as_it_is_written(self) -> None:
        """The direction is that of the letters of samples and labels."""
        locale = self.locale()
        letters = Counter(map(unicodedata.bidirectional, "".join((*self.samples, *locale.labels().values()))))
        direction = "rtl" if letters["R"] + letters["AL"] > letters["L"] else "ltr"
        assert locale.direction == direction, f"its letters run {direction}: set `direction`"

    @required
    def test_knows_its_language(self) -> None:
        """Samples of the language are surer than any text of another."""
        locale = self.locale()
        assert self.samples, "set `samples`: what visitors write in this language"
        surest_other = max(locale.matches(text) for text in self.all_others())
        for text in self.samples:
            assert locale.matches(text) > max(surest_other, 0.5), f"not recognised: {text!r}"

    @required
    def test_claims_no_other_language(self) -> None:
        """No text of another language, and none without words, is taken for this one."""
        locale = self.locale()
        for text in (*_STRANGE[:-1], "+972 50-123-4567", "https://example.com/a?b=1", *self.all_others()):
            assert locale.matches(text) <= 0.5, f"taken for this language: {text!r}"

    @required
    def test_judges_any_text(self) -> None:
        """`matches` answers with a number from 0 to 1 for whatever visitors write."""
        locale = self.locale()
        for text in (*_STRANGE, *self.samples, *self.all_others()):
            sureness = locale.matches(text)
            assert isinstance(sureness, int | float), f"matches({text!r}) is no number"
            assert 0 <= sureness <= 1, f"matches({text!r}) is {sureness}"

    @required
    def test_is_quick(self) -> None:
        """The longest message is judged within 20 ms of processor time, and twice the same."""
        locale = self.locale()
        text = ("".join(self.samples) or "text ") * _LONGEST_MESSAGE
        first = locale.matches(text[:_LONGEST_MESSAGE])
        started = time.process_time()
        again = locale.matches(text[:_LONGEST_MESSAGE])
        spent_s = time.process_time() - started
        assert spent_s <= _BUDGET_S, f"judging a message took {spent_s * 1000:.0f} ms"
        assert again == first, "asked twice, it judges differently"

    @required
    def test_speaks_to_model_and_widget(self) -> None:
        """The prompt fragment is text, and labels are texts by key."""
        locale = self.locale()
        assert isinstance(locale.prompt_fragment(), str), "prompt_fragment returns text"
        for key, label in locale.labels().items():
            assert isinstance(key, str), "labels are texts by key"
            assert isinstance(label, str), "labels are texts by key"
            assert label.strip(), f"the label '{key}' is empty: leave it out to fall back to English"
            assert key in english_labels(), f"there is no label '{key}': see csai_sdk.english_labels"

    @required
    def test_keeps_what_is_filled_in(self) -> None:
        """Labels have the braces and the parts of the English ones; only `{what}` may be left out."""
        for key, label in self.locale().labels().items():
            english = english_labels().get(key, label)
            wanted, found = set(_BRACES.findall(english)), set(_BRACES.findall(label))
            assert wanted - found <= _MAY_BE_LEFT_OUT, f"the label '{key}' lacks {wanted - found}"
            assert found <= wanted, f"nothing fills {found - wanted} in the label '{key}'"
            parts, number = label.split("|"), len(english.split("|"))
            is_whole = len(parts) == number and (number == 1 or all(map(str.strip, parts)))
            assert is_whole, f"the label '{key}' has {number} parts, with | between them"

    @capability("all_labels")
    def test_translates_every_label(self) -> None:
        """No label is left in English."""
        missing = sorted(set(english_labels()) - set(self.locale().labels()))
        assert not missing, f"not translated: {', '.join(missing)}"

    @required
    def test_reads_its_forms(self) -> None:
        """Each form gives what it is to give, leaves that as it is, and raises `ValueError` for the rest."""
        forms = self.locale().forms()
        assert set(self.forms) == set(forms), f"set `forms`, with examples of {sorted(forms)}"
        for name, examples in self.forms.items():
            assert _FORM.fullmatch(name), (
                f"{name!r} does not end with a country or currency, as phone-IL does"
            )
            assert examples, f"give examples of '{name}'"
            for written, wanted in examples:
                assert forms[name](written) == wanted, (
                    f"'{name}' reads {written!r} as {forms[name](written)!r}"
                )
                assert forms[name](wanted) == wanted, f"'{name}' does not leave {wanted!r} as it is"
            strange = (text for text in _STRANGE if not text.isdecimal())
            for nonsense in (*strange, _QUOTABLE, *(written * 2000 for written, _ in examples)):
                _check_refusal(name, forms[name], nonsense)


def _check_refusal(name: str, form: Callable[[str], str], nonsense: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=r"\S") as refusal:
        form(nonsense)
    spent_s = time.process_time() - started
    assert spent_s <= _BUDGET_S, f"refusing a long text took '{name}' {spent_s * 1000:.0f} ms"
    assert _QUOTABLE not in str(refusal.value), f"'{name}' quotes what it refuses, and a model reads it"
