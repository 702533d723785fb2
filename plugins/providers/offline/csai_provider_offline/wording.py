"""Reads values that only words can tell: a name, a product, a message."""

from __future__ import annotations

import re
from typing import Any

from csai_provider_offline.moment import find_time
from csai_provider_offline.parameter import Parameter
from csai_provider_offline.source import Source
from csai_provider_offline.words import best_likeness, is_stop_word, stem

_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]{1,200})[\"”“»]")
_CAPITALISED = r"[^\W\d_a-z][\w'’.-]*(?:[ ]+[^\W\d_a-z][\w'’-]*){0,3}"
_NAMED = re.compile(
    r"\b(?:my name is|the name is|name\s*[:=]|name is|under(?: the name)?(?: of)?)\s+([^,.;!?\n\d]{1,60})",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(rf"\b(?:[Ii]['’]?m|I am|[Tt]his is|[Ff]or|[Nn]ame)\s+({_CAPITALISED})")
_NAME_END = re.compile(
    r"\s+(?:and|at|on|for|by|with|please|my|i|is|tomorrow|today|next|in|to|from)\b.*", re.IGNORECASE
)
_FILLERS = (
    "at on and is it its it's the for name my please a an would be me call under i i'm am "
    "name's yes sure ok then"
)
_FILLER = frozenset(_FILLERS.split())
_DAYS = "monday tuesday wednesday thursday friday saturday sunday today tomorrow"
_NOT_NAMES = frozenset(_DAYS.split())


def read_person(parameter: Parameter, source: Source) -> Any:
    name = _named(source) or (_bare(source) if source.is_bare_answer else None)
    if name is None or len(name.split()) > 5 or any(is_stop_word(word) for word in name.split()):
        return None
    parts = name.split()
    if parameter.label.startswith("first"):
        return parts[0]
    if parameter.label.startswith(("last", "family")):
        return parts[-1] if len(parts) > 1 else None
    return name


def _named(source: Source) -> str | None:
    for pattern in (_NAMED, _INTRODUCED):
        for match in pattern.finditer(source.text):
            if not source.is_free(*match.span(1)):
                continue
            name = _NAME_END.sub("", match[1]).strip(" .'’-")
            first = name.split()[0].casefold() if name else ""
            if name and first not in _NOT_NAMES and not is_stop_word(first) and find_time(name) is None:
                return name
    return None


def _bare(source: Source) -> str | None:
    """What is left of an answer when its other values and little words are gone."""
    for piece in re.split(r"[\n,;.!?]+", source.rest):
        kept = [word for word in piece.split() if word.casefold().strip("'’:") not in _FILLER]
        if kept and any(sign.isalpha() for sign in "".join(kept)):
            return " ".join(kept)[:200]
    return None


def read_thing(parameter: Parameter, source: Source) -> Any:
    if match := _QUOTED.search(source.text):
        return match[1].strip()
    return _longest_run(source) or (_bare(source) if source.is_bare_answer else None)


def _longest_run(source: Source) -> str | None:
    """The longest row of words that say of what, between those that say what is wanted."""
    runs: list[list[str]] = [[]]
    for line in re.split(r"[\n,;:.!?]+", source.rest):
        for raw in line.split():
            word = raw.strip("'’\"“”()*")
            common = word.casefold().removesuffix("'s").removesuffix("’s")
            if _says_what_is_wanted(common, source):
                runs.append([])
            else:
                runs[-1].append(word)
        runs.append([])
    longest = max(runs, key=len)
    return " ".join(longest)[:200] or None


def read_text(parameter: Parameter, source: Source) -> Any:
    if match := _QUOTED.search(source.text):
        return match[1].strip()
    return source.text.strip()[:1000] or None


def _says_what_is_wanted(word: str, source: Source) -> bool:
    is_bare_number = not word or word.isdecimal()
    return is_bare_number or is_stop_word(word) or best_likeness(stem(word), source.intent) > 0
