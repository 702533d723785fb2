"""csai locale: Hebrew."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Locale, hookimpl

from csai_locale_hebrew.locale import Hebrew


@hookimpl
def register_locales() -> Sequence[Locale]:
    return [Hebrew()]
