"""A tool's parameters, as far as their JSON Schema tells what to look for in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from csai_sdk import ToolSpec

from csai_provider_offline.words import stem, words

Kind = Literal[
    "email", "datetime", "date", "time", "identifier", "choice", "phone", "number", "yes_no", "sum", "person",
    "thing", "text",
]  # fmt: skip

_EXAMPLE = re.compile(
    r"(?:such as|for example|e\.g\.?|example:?|like|looks like)\s*,?\s*"
    r"(?:['\"“‘`]([^'\"”’`]{1,60})['\"”’`]|(#?[A-Za-z]*[-_#]?\d[\w-]*))",
    re.IGNORECASE,
)
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TEXT_WORDS = frozenset(
    [
        "query",
        "question",
        "message",
        "summary",
        "reason",
        "note",
        "notes",
        "description",
        "issue",
        "comment",
        "comments",
        "details",
        "thought",
        "topic",
        "subject",
        "feedback",
        "text",
    ]
)
_REF_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: Kind
    schema: Mapping[str, Any]
    is_required: bool
    is_list: bool
    label: str
    """What to call it before a visitor."""
    examples: tuple[str, ...]

    @property
    def options(self) -> list[str]:
        """What may be chosen, as words."""
        options = self.schema.get("enum")
        return [str(option).replace("_", " ") for option in options] if isinstance(options, list) else []

    @property
    def stems(self) -> set[str]:
        return {stem(word) for word in words(self.label)}


def parameters_of(tool: ToolSpec) -> list[Parameter]:
    """The parameters in the schema's order. A schema that makes no sense has none."""
    root = tool.parameters_schema
    properties = root.get("properties")
    required = root.get("required")
    if not isinstance(properties, Mapping):
        return []
    needed = (
        {name for name in required if isinstance(name, str)} if isinstance(required, list | tuple) else set()
    )
    return [
        _parameter(name, _resolved(schema, root), is_required=name in needed)
        for name, schema in properties.items()
        if isinstance(name, str)
    ]


def name_words(name: str) -> list[str]:
    """`get_order_status` and `getOrderStatus` as words."""
    return [part.casefold() for part in _NAME_PART.findall(name)] or words(name)


def _parameter(name: str, schema: Mapping[str, Any], *, is_required: bool) -> Parameter:
    is_list = _type(schema) == "array"
    value = _resolved(schema.get("items"), schema) if is_list else schema
    described = str(schema.get("description") or value.get("description") or "")
    examples = tuple(_examples(value, described))
    return Parameter(
        name=name,
        kind=_kind(name_words(name), value, described, examples),
        schema=value,
        is_required=is_required,
        is_list=is_list,
        label=" ".join(name_words(name)),
        examples=examples,
    )


def _resolved(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
    """The schema with local references followed and `null` left out of its alternatives."""
    if not isinstance(schema, Mapping) or depth > _REF_DEPTH:
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target: Any = root
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step) if isinstance(target, Mapping) else None
        return {**_resolved(target, root, depth + 1), **{k: v for k, v in schema.items() if k != "$ref"}}
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list):
            real = [
                option for option in options if isinstance(option, Mapping) and option.get("type") != "null"
            ]
            rest = {k: v for k, v in schema.items() if k != key}
            return {**(_resolved(real[0], root, depth + 1) if real else {}), **rest}
    return schema


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "")
    return kind if isinstance(kind, str) else ""


def _examples(schema: Mapping[str, Any], description: str) -> Iterator[str]:
    given = schema.get("examples")
    for value in [*(given if isinstance(given, list) else ()), schema.get("example")]:
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)
    for match in _EXAMPLE.finditer(description[:2000]):
        yield (match[1] or match[2]).strip()


_BY_FORMAT: Mapping[str, Kind] = {"email": "email", "date-time": "datetime", "date": "date", "time": "time"}
_BY_TYPE: Mapping[str, Kind] = {
    "boolean": "yes_no",
    "integer": "number",
    "number": "number",
    "object": "text",
}
# In this order: "appointment date and time" is a moment, "order date" a day.
_BY_WORD: tuple[tuple[frozenset[str], Kind], ...] = (
    (frozenset({"email", "mail"}), "email"),
    (frozenset({"datetime"}), "datetime"),
    (frozenset({"date", "day"}), "date"),
    (frozenset({"time"}), "time"),
    (frozenset({"phone", "telephone", "mobile"}), "phone"),
    (frozenset({"expression", "formula"}), "sum"),
)


def _kind(name: list[str], schema: Mapping[str, Any], description: str, examples: tuple[str, ...]) -> Kind:
    if isinstance(schema.get("enum"), list) or "const" in schema:
        return "choice"
    if kind := _BY_FORMAT.get(str(schema.get("format"))) or _BY_TYPE.get(_type(schema)):
        return kind
    for known, kind in _BY_WORD:
        if known & set(name):
            return kind
    if shapes_of(schema, examples) or {"id", "number", "code", "sku", "zip"} & set(name[-1:]):
        return "identifier"
    if name[-1:] == ["name"] and not {"product", "item", "file"} & set(name):
        return "person"
    if _TEXT_WORDS & set(name):
        return "text"
    return "person" if name[-1:] in (["customer"], ["person"]) else "thing"


def shapes_of(schema: Mapping[str, Any], examples: tuple[str, ...]) -> list[re.Pattern[str]]:
    """Patterns a whole token must fit: the schema's own where it is harmless, and the examples' shapes."""
    shapes = []
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _is_harmless(pattern):
        try:
            shapes.append(re.compile(pattern))
        except re.error:
            return []
    return shapes or [_shape(example) for example in examples if _has_shape(example)]


def _is_harmless(pattern: str) -> bool:
    """Whether a client's pattern is certain to end soon: no groups, few repetitions, something said."""
    body = pattern.replace("\\", "")
    repeats = sum(body.count(sign) for sign in "*+{")
    return (
        len(pattern) <= 100
        and "(" not in body
        and "|" not in body
        and repeats <= 3
        and any(sign.isalnum() for sign in body)
    )


def _has_shape(example: str) -> bool:
    return " " not in example and "@" not in example and any(sign.isdigit() for sign in example)


def _shape(example: str) -> re.Pattern[str]:
    """`ORD-1001` as capital letters that are fixed and digits that are not; small letters vary as well."""
    parts = re.findall(r"\d+|[a-z]+|[A-Z]+|.", example)
    return re.compile("".join(_shape_part(part) for part in parts))


def _shape_part(part: str) -> str:
    if part.isdecimal():
        return rf"\d{{{len(part)}}}" if len(part) > 4 else rf"\d{{{max(1, len(part) - 1)},{len(part) + 4}}}"
    return "[a-z]+" if part.isascii() and part.islower() else re.escape(part)
