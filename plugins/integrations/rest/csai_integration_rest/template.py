"""Templates with `{placeholders}`, filled so that a value stays within its place."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from csai_sdk import IntegrationError, SettingsError

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
MAX_VALUE_CHARS = 2_000

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}|[{}]|[^{}]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Some servers take off what follows a semicolon in a segment, and then read the dots.
_DOTS = re.compile(r"\.*(;.*)?", re.DOTALL)

Scalar = str | int | float | bool


def placeholders(template: Any) -> Iterator[str]:
    """The names in a template, which may be any JSON. Raises `SettingsError` for a lone brace."""
    if isinstance(template, str):
        for match in _PART.finditer(template):
            if match.group() in ("{", "}"):
                raise SettingsError("write {{ and }} for braces that are no placeholder")
            if match.group(1):
                yield match.group(1)
    elif isinstance(template, Mapping):
        for each in template.values():
            yield from placeholders(each)
    elif isinstance(template, list):
        for each in template:
            yield from placeholders(each)


def beside(names: Collection[str], template: Any) -> Iterator[str]:
    """What else is put into the texts that hold one of these. Raises `SettingsError` for a lone brace."""
    if isinstance(template, str):
        found = set(placeholders(template))
        if found & set(names):
            yield from sorted(found - set(names))
    elif isinstance(template, Mapping | list):
        for each in template.values() if isinstance(template, Mapping) else template:
            yield from beside(names, each)


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A path whose segments are those of the template, whatever the values. Raises `IntegrationError`."""

    def escaped(name: str) -> str:
        value = _text(name, values)
        # An encoded slash is a slash again for some servers.
        if "/" in value or "\\" in value or _DOTS.fullmatch(value):
            raise IntegrationError(f"'{name}' cannot be empty, only dots, or hold a slash.")
        return quote(value, safe="")

    return _filled(template, escaped)


def fill_query(template: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Parameters with the names of the template; those whose optional argument is missing are left out."""
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, each in template.items()
        for value in _texts(each, values)
    )


def fill_headers(template: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Headers with the names of the template. Raises `IntegrationError` for what is no header's value."""
    headers = {}
    for name, each in template.items():
        for value in _texts(each, values):
            if not value.isascii():
                raise IntegrationError(f"What goes into the header {name} can only be ASCII.")
            headers[name] = value.strip()
    return headers


def fill_body(template: Any, values: Mapping[str, Any]) -> Any:
    """The template's JSON with values in it: a string that is one placeholder becomes the value as it is.

    Where all of it is an argument that is missing, it is an empty object.
    """
    body = _filled_json(template, values)
    return {} if body is _MISSING else body


def _filled_json(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        name = _only(template)
        if name is not None:
            return values.get(name, _MISSING)
        if any(each not in values for each in placeholders(template)):
            return _MISSING
        return _filled(template, lambda each: _text(each, values, is_body=True))
    if isinstance(template, Mapping):
        filled = {name: _filled_json(each, values) for name, each in template.items()}
        return {name: each for name, each in filled.items() if each is not _MISSING}
    if isinstance(template, list):
        return [each for item in template if (each := _filled_json(item, values)) is not _MISSING]
    return template


_MISSING = object()


def _texts(template: Any, values: Mapping[str, Any]) -> list[str]:
    """What a parameter's or header's template says; nothing where an argument is missing."""
    if not isinstance(template, str):
        return [_scalar_text(template)]
    name = _only(template)
    if name is not None and isinstance(values.get(name), list):
        return [_checked(name, each) for each in values[name][:100]]
    if any(values.get(each) is None for each in placeholders(template)):
        return []
    return [_filled(template, lambda each: _text(each, values))]


def _only(template: str) -> str | None:
    match = _PART.fullmatch(template)
    return match.group(1) if match else None


def _filled(template: str, value_of: Any) -> str:
    parts = []
    for match in _PART.finditer(template):
        name = match.group(1)
        parts.append(value_of(name) if name else match.group().replace("{{", "{").replace("}}", "}"))
    return "".join(parts)


def _text(name: str, values: Mapping[str, Any], *, is_body: bool = False) -> str:
    if values.get(name) is None:
        raise IntegrationError(f"'{name}' is missing.")
    return _scalar_text(values[name]) if is_body else _checked(name, values[name])


def _checked(name: str, value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise IntegrationError(f"'{name}' can only be text, a number, true or false here.")
    text = _scalar_text(value)
    is_number = not isinstance(value, float) or math.isfinite(value)
    if not is_number or _UNFIT.search(text) or len(text) > MAX_VALUE_CHARS:
        raise IntegrationError(f"'{name}' is too long, or holds characters that cannot stand here.")
    return text


def _scalar_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
