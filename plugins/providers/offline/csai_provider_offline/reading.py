"""Reads a tool's arguments out of what a visitor wrote. What is not certain is left out, never made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from csai_provider_offline import wording
from csai_provider_offline.moment import find_date, find_time
from csai_provider_offline.parameter import Kind, Parameter, shapes_of
from csai_provider_offline.source import Source
from csai_provider_offline.words import best_likeness, content_words, stem, words

_ORDER: tuple[Kind, ...] = (
    "email", "datetime", "date", "time", "identifier", "choice", "phone", "sum", "number", "yes_no", "person",
    "thing", "text",
)  # fmt: skip
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<!\w)\+?\d[\d ()/-]{5,18}\d(?!\w)")
_SUM = re.compile(r"[-(]{0,5}\d[\d.\s]{0,30}(?:[-+*/][\s(]{0,5}\d[\d.\s)]{0,30})+")
_NUMBER = re.compile(r"(?<![\w.#-])-?\d{1,12}(?:\.\d{1,6})?(?![\w-]|\.\d)")
_TOKEN = re.compile(r"[^\s,;!?\"“”()]+")
_BEFORE_DIGITS = re.compile(r"#|[^\d\s]+(?=\d)")
_COUNTS = "zero one two three four five six seven eight nine ten eleven twelve"
_COUNT_OF = {word: count for count, word in enumerate(_COUNTS.split())}
_COUNTS_THINGS = re.compile(r" +[^\W\d]")
_QUANTITIES = frozenset({"quantity", "amount", "count"})


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
    starts = ["#", *(match[0] for example in parameter.examples if (match := _BEFORE_DIGITS.match(example)))]
    for match in _TOKEN.finditer(source.text):
        token = match[0].strip(".:'’`*")
        if not token or len(token) > 64 or not source.is_free(*match.span()):
            continue
        value = _shaped(token, shapes, starts) if shapes else _numbered(token)
        if value is not None:
            source.take(*match.span())
            yield value
            if not parameter.is_list:
                return


def _shaped(token: str, shapes: Sequence[re.Pattern[str]], starts: Sequence[str]) -> str | None:
    """The token in the form that is asked for: people forget capitals and what stands before digits."""
    variants = dict.fromkeys(
        (token, token.upper(), token.lower(), *(f"{start}{token.upper()}" for start in starts))
    )
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
    if not parameter.is_required:
        found = [match for match in found if _COUNTS_THINGS.match(source.text, match.end())]
    may_be_any = parameter.is_required or not _QUANTITIES.isdisjoint(parameter.label.split())
    if not near and may_be_any and len(found) == 1:
        near = found
    if near:
        source.take(*near[0].span())
        return _as_number(near[0][0], parameter.schema)
    said = [_COUNT_OF[word] for word in words(source.text) if word in _COUNT_OF]
    may_be_word = parameter.is_required and len(said) == 1
    return _as_number(str(said[0]), parameter.schema) if may_be_word else None


def _stands_near(match: re.Match[str], parameter: Parameter, source: Source) -> bool:
    start, end = match.span()
    around = f"{source.text[max(0, start - 20) : start]} {source.text[end : end + 20]}"
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
    "person": wording.read_person,
    "thing": wording.read_thing,
    "text": wording.read_text,
}
