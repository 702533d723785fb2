"""Schemas of an OpenAPI document as schemas of a tool's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csai_integration_rest.reference import MAX_DEPTH, References, Unusable

_KEPT = ("enum", "format", "minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems")
_SCALARS = ("string", "integer", "number", "boolean")
MAX_WORDS = 500
MAX_VALUES = 500
MAX_VALUE_CHARS = 1_000


def plain_schema(schema: Any, references: References, *, depth: int = 0) -> dict[str, Any]:
    """A schema without references, of what a tool's arguments can have. Raises `Unusable`."""
    if depth > MAX_DEPTH:
        raise Unusable("a schema leads to itself, or is too deep")
    found = references.resolve(schema)
    kinds = _kinds(found)
    plain: dict[str, Any] = {}
    if kinds:
        plain["type"] = kinds[0] if len(kinds) == 1 else kinds
    for name in _KEPT:
        if name in found and _is_plain(found[name], references):
            plain[name] = found[name]
    if description := words(found.get("description")):
        plain["description"] = description
    if "array" in kinds:
        plain["items"] = plain_schema(found.get("items", {}), references, depth=depth + 1)
    if "object" in kinds:
        properties = found.get("properties", {})
        if not isinstance(properties, Mapping):
            raise Unusable("an object's properties are no object")
        plain["properties"] = {
            references.name(name): plain_schema(each, references, depth=depth + 1)
            for name, each in properties.items()
        }
        required = found.get("required")
        if isinstance(required, list):
            references.count(len(required))
            plain["required"] = [name for name in required if isinstance(name, str) and name in properties]
    return plain


def is_scalar(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type", ())
    return bool(kinds) and all(each in (*_SCALARS, "null") for each in _listed(kinds))


def words(text: Any) -> str:
    # Cut first: one long text may be referred to from everywhere.
    return " ".join(text[: 4 * MAX_WORDS].split())[:MAX_WORDS] if isinstance(text, str) else ""


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """The types; of what is composed of several schemas, any scalar."""
    kinds = [each for each in _listed(schema.get("type", [])) if isinstance(each, str)]
    if not kinds and "properties" in schema:
        kinds = ["object"]
    if not kinds and any(name in schema for name in ("anyOf", "oneOf", "allOf")):
        kinds = list(_SCALARS)
    if not kinds:
        kinds = ["string"]
    # 3.0's way to say it.
    return [*kinds, "null"] if schema.get("nullable") is True and "null" not in kinds else kinds


def _listed(kinds: Any) -> list[Any]:
    return kinds[: len(_SCALARS) + 3] if isinstance(kinds, list) else [kinds]


def _is_plain(value: Any, references: References) -> bool:
    """Not what is nested: in YAML a list may hold itself, or the same one over and over."""
    if isinstance(value, list):
        references.count(len(value))
        return len(value) <= MAX_VALUES and all(_is_value(each) for each in value)
    return _is_value(value)


def _is_value(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARS
    return value is None or isinstance(value, int | float)
