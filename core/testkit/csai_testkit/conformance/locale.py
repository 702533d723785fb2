"""`LocaleSuite`: languages."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import ClassVar

from csai_sdk import Locale

from csai_testkit.conformance.check import required
from csai_testkit.conformance.plugin import PluginSuite
from csai_testkit.registration import part_name

_CODE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_STRANGE = ("", " ", "\x00", "\ud800", "\U0001f600" * 3, "12345", "\u202e\u202c", "<b>&amp;</b>")
_LONGEST_MESSAGE = 16_000
_BUDGET_S = 0.02


class LocaleSuite(PluginSuite):
    """Set `samples` and `others`."""

    kind: ClassVar[str] = "locale"
    part_id: ClassVar[str] = ""

    samples: ClassVar[Sequence[str]] = ()
    """What visitors write in this language."""

    others: ClassVar[Sequence[str]] = ("Where is my order?", "\u00bfD\u00f3nde est\u00e1 mi pedido?")
    """What visitors write in others."""

    def locale(self) -> Locale:
        found = [
            part
            for part in self.registration.parts.get("locale", ())
            if not self.part_id or part_name(part) == self.part_id
        ]
        assert len(found) == 1, "name the locale's code in `part_id`"
        only: Locale = found[0]
        return only

    @required
    def test_names_its_language(self) -> None:
        """The code is BCP 47, such as `he` or `pt-BR`, and the direction `ltr` or `rtl`."""
        locale = self.locale()
        assert _CODE.fullmatch(locale.code), f"{locale.code!r} is no language code"
        assert locale.direction in ("ltr", "rtl"), f"{locale.direction!r} is no direction"

    @required
    def test_knows_its_language(self) -> None:
        """Samples of the language are surer than any text of another."""
        locale = self.locale()
        assert self.samples, "set `samples`: what visitors write in this language"
        surest_other = max(locale.matches(text) for text in self.others)
        for text in self.samples:
            assert locale.matches(text) > max(surest_other, 0.5), f"not recognised: {text!r}"

    @required
    def test_judges_any_text(self) -> None:
        """`matches` answers with a number from 0 to 1 for whatever visitors write."""
        locale = self.locale()
        for text in (*_STRANGE, *self.samples, *self.others):
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
