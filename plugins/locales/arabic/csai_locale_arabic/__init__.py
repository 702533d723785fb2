"""csai locale: Arabic."""

from __future__ import annotations

from collections.abc import Sequence

from csai_sdk import Locale, hookimpl

from csai_locale_arabic.locale import Arabic


@hookimpl
def register_locales() -> Sequence[Locale]:
    return [Arabic()]
