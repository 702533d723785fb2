"""Reads a tool's arguments out of what a visitor wrote. What is not certain is left out, never made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from csai_provider_offline.moment import find_date, find_time
from csai_provider_offline.parameter import Kind, Parameter, shapes_of
from csai_provider_offline.words import best_likeness, content_words, is_stop_word, stem, words

_ORDER: tuple[Kind, ...] = (
    "email", "datetime", "date", "time", "identifier", "choice", "phone", "sum", "number", "yes_no", "person",
    "thing", "text",
)  # fmt: skip
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<!\w)\+?\d[\d ()/-]{5,18}\d(?!\w)")
_SUM = re.compile(r"[-(]*\d[\d.\s]*(?:[-+*/][\s(]*\d[\d.\s)]*)+")
_NUMBER = re.compile(r"(?<![\w.#-])-?\d{1,12}(?:\.\d{1,6})?(?![\w-]|\.\d)")
_TOKEN = re.compile(r"[^\s,;!?\"“”()]+")
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
_FILLER = frozenset(
    [
        "at",
        "on",
        "and",
        "is",
        "it",
        "its",
        "it's",
        "the",
        "for",
        "name",
        "my",
        "please",
        "a",
        "an",
        "would",
        "be",
        "me",
        "call",
        "under",
        "i",
        "i'm",
        "am",
        "yes",
        "sure",
        "ok",
    ]
)
_COUNTS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NOT_NAMES = frozenset(
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "tomorrow"]
)


@dataclass
class Source:
    """A visitor's text while arguments are taken out of it: a piece that became one value is not read twice."""

    text: str
    now: datetime
    is_bare_answer: bool = False
    """Whether the visitor was asked for a value just now, so that plain words may be that value."""
    intent: frozenset[str] = frozenset()
    """Stems that say what is wanted rather than of what."""
    taken: list[tuple[int, int]] = field(default_factory=list)

    def take(self, start: int, end: int) -> None:
        self.taken.append((start, end))

    def is_free(self, start: int, end: int) -> bool:
        return all(end <= taken_start or start >= taken_end for taken_start, taken_end in self.taken)

    @property
    def rest(self) -> str:
        """The text with the taken pieces cut out."""
        text = self.text
        for start, end in sorted(self.taken, reverse=True):
            text = f"{text[:start]}\n{text[end:]}"
        return text


@dataclass(frozen=True, slots=True)
class Reading:
    """`certain` names the arguments that were recognised by their form, as against mere words."""

    arguments: dict[str, Any]
    certain: frozenset[str]


def read_arguments(parameters: Sequence[Parameter], source: Source) -> Reading:
    arguments: dict[str, Any] = {}
    certain: set[str] = set()
    wanted = [parameter for parameter in parameters if parameter.is_required or parameter.kind not in _WORDY]
    for parameter in sorted(wanted, key=lambda parameter: _ORDER.index(parameter.kind)):
        value = _labelled(parameter, source) or _READERS[parameter.kind](parameter, source)
        if value is None:
            continue
        arguments[parameter.name] = [value] if parameter.is_list and not isinstance(value, list) else value
        if parameter.kind not in _WORDY:
            certain.add(parameter.name)
    in_schema_order = {p.name: arguments[p.name] for p in parameters if p.name in arguments}
    return Reading(in_schema_order, frozenset(certain))


_WORDY: frozenset[Kind] = frozenset({"thing", "text", "person", "yes_no"})


def _labelled(parameter: Parameter, source: Source) -> Any:
    """`city: Boston`, for parameters that are plain words."""
    if parameter.kind not in ("thing", "text", "person"):
        return None
    pattern = re.compile(rf"\b{re.escape(parameter.label)}\s*[:=]\s*([^,;\n]{{1,200}})", re.IGNORECASE)
    match = pattern.search(source.text)
    if match is None or not source.is_free(*match.span()):
        return None
    source.take(*match.span())
    return match[1].strip() or None


def _email(parameter: Parameter, source: Source) -> Any:
    return _first(_EMAIL, source)


def _phone(parameter: Parameter, source: Source) -> Any:
    return _first(_PHONE, source)


def _sum(parameter: Parameter, source: Source) -> Any:
    return _first(_SUM, source)


def _first(pattern: re.Pattern[str], source: Source) -> str | None:
    for match in pattern.finditer(source.text):
        if source.is_free(*match.span()):
            source.take(*match.span())
            return match[0].strip()
    return None


def _date(parameter: Parameter, source: Source) -> Any:
    found = find_date(source.text, source.now.date())
    if found is None or not _suits(found.value, parameter):
        return None
    source.take(found.start, found.end)
    return found.value


def _time(parameter: Parameter, source: Source) -> Any:
    found = find_time(source.text)
    if found is None:
        return None
    # JSON Schema's own format wants seconds and a zone; a tool that says no format takes what people write.
    value = f"{found.value}:00Z" if parameter.schema.get("format") == "time" else found.value
    if not _suits(value, parameter):
        return None
    source.take(found.start, found.end)
    return value


def _datetime(parameter: Parameter, source: Source) -> Any:
    day, hour = find_date(source.text, source.now.date()), find_time(source.text)
    if day is None or hour is None:
        return None
    source.take(day.start, day.end)
    source.take(hour.start, hour.end)
    zone = "Z" if parameter.schema.get("format") == "date-time" else ""
    return f"{day.value}T{hour.value}:00{zone}"


def _suits(value: str, parameter: Parameter) -> bool:
    shapes = shapes_of(parameter.schema, ()) if "pattern" in parameter.schema else []
    return all(shape.search(value) for shape in shapes)


def _identifier(parameter: Parameter, source: Source) -> Any:
    found = list(_identifiers(parameter, source))
    if parameter.is_list:
        return found or None
    return found[0] if found else None


def _identifiers(parameter: Parameter, source: Source) -> Iterator[str]:
    shapes = shapes_of(parameter.schema, parameter.examples)
    for match in _TOKEN.finditer(source.text):
        token = match[0].strip(".:'’`*")
        if not token or len(token) > 64 or not source.is_free(*match.span()):
            continue
        value = _shaped(token, shapes) if shapes else _numbered(token)
        if value is not None:
            source.take(*match.span())
            yield value
            if not parameter.is_list:
                return


def _shaped(token: str, shapes: Sequence[re.Pattern[str]]) -> str | None:
    """The token in the form that is asked for: people forget the `#` and the capitals."""
    variants = dict.fromkeys((token, token.upper(), token.lower(), f"#{token}", f"#{token.upper()}"))
    for shape in shapes:
        for variant in variants:
            if shape.fullmatch(variant):
                return variant
    return None


def _numbered(token: str) -> str | None:
    return (
        token if len(token) >= 3 and sum(sign.isdigit() for sign in token) >= 2 and ":" not in token else None
    )


def _choice(parameter: Parameter, source: Source) -> Any:
    options = parameter.schema.get("enum")
    options = options if isinstance(options, list) else [parameter.schema.get("const")]
    said = [stem(word) for word in words(source.text)]
    best, best_share = None, 0.0
    for option in options:
        meant = content_words(str(option).replace("_", " ")) or [stem(word) for word in words(str(option))]
        share = sum(best_likeness(word, said) == 1.0 for word in meant) / len(meant) if meant else 0.0
        if share > best_share:
            best, best_share = option, share
    return best if best_share == 1.0 or (parameter.is_required and best_share > 0.5) else None


def _number(parameter: Parameter, source: Source) -> Any:
    found = [match for match in _NUMBER.finditer(source.text) if source.is_free(*match.span())]
    near = [match for match in found if _stands_near(match, parameter, source)]
    if not near and parameter.is_required and len(found) == 1:
        near = found
    if near:
        source.take(*near[0].span())
        return _as_number(near[0][0], parameter.schema)
    said = [_COUNTS.index(word) for word in words(source.text) if word in _COUNTS]
    may_be_word = parameter.is_required and len(said) == 1
    return _as_number(str(said[0]), parameter.schema) if may_be_word else None


def _stands_near(match: re.Match[str], parameter: Parameter, source: Source) -> bool:
    around = (
        source.text[max(0, match.start() - 20) : match.start()]
        + " "
        + source.text[match.end() : match.end() + 20]
    )
    described = content_words(str(parameter.schema.get("description", "")))
    named = [stem(word) for word in words(around)]
    return any(best_likeness(word, named) == 1.0 for word in {*parameter.stems, *described})


def _as_number(text: str, schema: Mapping[str, Any]) -> int | float | None:
    if schema.get("type") == "number" and "." in text:
        value: int | float = float(text)
    elif "." in text:
        return None
    else:
        value = int(text)
    low, high = schema.get("minimum"), schema.get("maximum")
    is_low = isinstance(low, int | float) and value < low
    is_high = isinstance(high, int | float) and value > high
    return None if is_low or is_high else value


def _yes_no(parameter: Parameter, source: Source) -> Any:
    if not source.is_bare_answer:
        return None
    said = words(source.text)
    return True if "yes" in said else False if "no" in said else None


def _person(parameter: Parameter, source: Source) -> Any:
    name = _named(source) or (_bare(source) if source.is_bare_answer else None)
    if name is None:
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


def _thing(parameter: Parameter, source: Source) -> Any:
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
            if not common or is_stop_word(common) or best_likeness(stem(common), source.intent) > 0:
                runs.append([])
            else:
                runs[-1].append(word)
        runs.append([])
    longest = max(runs, key=len)
    return " ".join(longest)[:200] or None


def _text(parameter: Parameter, source: Source) -> Any:
    if match := _QUOTED.search(source.text):
        return match[1].strip()
    return source.text.strip()[:1000] or None


_READERS: Mapping[Kind, Callable[[Parameter, Source], Any]] = {
    "email": _email,
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "identifier": _identifier,
    "choice": _choice,
    "phone": _phone,
    "number": _number,
    "yes_no": _yes_no,
    "sum": _sum,
    "person": _person,
    "thing": _thing,
    "text": _text,
}
