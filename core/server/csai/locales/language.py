"""Which of a client's locales a visitor writes in, or a page asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import structlog
from csai_sdk import Locale, english_labels

log = structlog.get_logger(__name__)

CERTAIN = 0.5
_MAX_TEXTS = 6
_MAX_ASKED_CHARS = 300
_WORD = re.compile(r"(?<!\S)[^\W\d_]{2,}(?=[.,;:!?…]*(?:\s|$))")
_RANGE = re.compile(r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:\s*;\s*q=([01](?:\.[0-9]{1,3})?))?")
_OLD_CODES = {"iw": "he"}

TOOL_VERBS = {
    "toolCheck": "get check fetch read list",
    "toolFind": "find",
    "toolLookup": "lookup",
    "toolSearch": "search query",
    "toolCalculate": "calculate",
    "toolBook": "book",
    "toolSchedule": "schedule",
    "toolCreate": "create",
    "toolAdd": "add",
    "toolUpdate": "update",
    "toolChange": "change",
    "toolCancel": "cancel",
    "toolSend": "send",
    "toolTrack": "track",
}
"""First words of tools' names, by the label that says what they do."""


def written_in(texts: Iterable[str], locales: Sequence[Locale]) -> Locale | None:
    """The locale of the first text that tells; None where that is of another. The latest stands first.

    An order number, a name or a smile tells nothing: the visitor goes on in the language of the text before.
    """
    if not locales:
        return None
    for text in islice(texts, _MAX_TEXTS):
        best = _best(text, locales)
        if best is not None or _has_words(text):
            return best
    return None


def asked_for(language: str | None, accepted: str, locales: Sequence[Locale]) -> Locale | None:
    """The locale for a page in `language` (BCP 47), else for an `Accept-Language`; None is English."""
    wanted = [language] if language else _in_order(accepted[:_MAX_ASKED_CHARS])
    codes = {locale.code.lower(): locale for locale in reversed(locales)}
    for each in wanted:
        code = each.lower()
        first = code.partition("-")[0]
        first = _OLD_CODES.get(first, first)
        found = codes.get(code) or codes.get(first)
        if found is not None or first == "en":
            return found
    return None


def fragment_of(locale: Locale | None) -> str:
    """What the model is told of the language; a locale that fails has nothing to say."""
    try:
        return locale.prompt_fragment() if locale is not None else ""
    except Exception:
        log.exception("locale failed", locale=_code(locale))
        return ""


def labels_of(locale: Locale | None) -> Mapping[str, str]:
    """Its translations of the labels that there are; a locale that fails has none."""
    try:
        labels: dict[str, Any] = dict(locale.labels()) if locale is not None else {}
    except Exception:
        log.exception("locale failed", locale=_code(locale))
        return {}
    return {
        key: label
        for key, label in labels.items()
        if key in english_labels() and isinstance(label, str) and label
    }


def label_in(key: str, texts: Iterable[str], locales: Sequence[Locale]) -> str:
    """A label in the language in which the texts are written, the latest first; else in English."""
    return labels_of(written_in(texts, locales)).get(key) or english_labels()[key]


def widget_locale(locales: Sequence[Locale], language: str | None, accepted: str) -> dict[str, Any]:
    """All that the widget says by itself, in the language that is asked for, else in English."""
    locale = asked_for(language, accepted, locales)
    labels = {**english_labels(), **labels_of(locale)}
    by_verb = {f"tool:{verb}": labels[key] for key, verbs in TOOL_VERBS.items() for verb in verbs.split()}
    own = {key: label for key, label in labels.items() if "." not in key and key not in TOOL_VERBS}
    return {
        "language": locale.code if locale else "en",
        "direction": locale.direction if locale else "ltr",
        "labels": own | by_verb,
    }


def _best(text: str, locales: Sequence[Locale]) -> Locale | None:
    best, certainty = None, CERTAIN
    for locale in locales:
        try:
            matches = locale.matches(text)
            if matches > certainty:
                best, certainty = locale, matches
        except Exception:
            log.exception("locale failed", locale=_code(locale))
    return best


def _has_words(text: str) -> bool:
    """Whether there are words other than names, which begin with a capital."""
    return any(word == word.lower() for word in _WORD.findall(text))


def _in_order(accepted: str) -> list[str]:
    found = [match for part in accepted.split(",") if (match := _RANGE.fullmatch(part.strip()))]
    ranked = sorted(found, key=lambda match: -float(match[2] or 1))
    return [match[1] for match in ranked if float(match[2] or 1) > 0]


def _code(locale: object) -> str:
    return str(getattr(locale, "code", ""))
