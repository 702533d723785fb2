"""The two drafts of JSON Schema that tools may use, on jsonschema's classes.

Replaced here is every keyword that runs a pattern (jsonschema uses `re`, which knows no `\\p{L}` and cannot
be stopped), that compares all items with all others, or that errs on the numbers of a shop (19.99 is a
multiple of 0.01). Each step of a validation draws on the budget of the call.
"""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Resource
from referencing.jsonschema import DRAFT202012

from csai.tools.pattern import compile_pattern

DRAFT_7 = "http://json-schema.org/draft-07/schema"
DRAFT_2020_12 = "https://json-schema.org/draft/2020-12/schema"
_STEPS_PER_LOOK = 32

Errors = Iterator[ValidationError]


class BudgetSpent(Exception):
    """The validation took more processor time than it may."""


class Budget:
    """Processor time of one validation; unlike wall time, a busy machine does not use it up."""

    __slots__ = ("_end", "_steps")

    def __init__(self, limit_s: float) -> None:
        self._end = time.thread_time() + limit_s
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if not self._steps % _STEPS_PER_LOOK:
            self.left_s()

    def left_s(self) -> float:
        left = self._end - time.thread_time()
        if left <= 0:
            raise BudgetSpent
        return left


budget: ContextVar[Budget] = ContextVar("budget")


def dialect_of(schema: Any) -> Any | None:
    """The validator class of the schema's `$schema` (2020-12 without one), None where it is not known."""
    if not isinstance(schema, dict) or "$schema" not in schema:
        return _DIALECTS[DRAFT_2020_12]
    return _DIALECTS.get(str(schema["$schema"]).removesuffix("#"))


def _search(pattern: str, text: str) -> bool:
    try:
        return compile_pattern(pattern).search(text, timeout=budget.get().left_s()) is not None
    except TimeoutError:
        raise BudgetSpent from None


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and not _search(pattern, instance):
        yield ValidationError("does not match the pattern")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _search(pattern, name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rest: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    extras = [name for name in instance if not _is_named(name, schema)]
    if isinstance(rest, dict):
        for name in extras:
            yield from validator.descend(instance[name], rest, path=name)
    elif rest is False and extras:
        yield _unexpected(extras)


def _is_named(name: str, schema: Mapping[str, Any]) -> bool:
    if name in schema.get("properties", ()):
        return True
    return any(_search(pattern, name) for pattern in schema.get("patternProperties", ()))


def _unexpected(names: list[str]) -> ValidationError:
    error = ValidationError("has unexpected properties")
    error.unexpected = names  # type: ignore[attr-defined]
    return error


def _additional_items(validator: Any, rest: Any, instance: Any, schema: Any) -> Errors:
    if isinstance(schema.get("items"), list):
        yield from Draft7Validator.VALIDATORS["additionalItems"](validator, rest, instance, schema) or ()


def _unique_items(validator: Any, is_unique: bool, instance: Any, _schema: Any) -> Errors:
    if is_unique and isinstance(instance, list) and len(set(map(_identity, instance))) < len(instance):
        yield ValidationError("has items that are not unique")


def _identity(value: Any) -> Hashable:
    """Equal for values that are equal in JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    if isinstance(value, dict):
        return "object", frozenset((name, _identity(each)) for name, each in value.items())
    return value  # type: ignore[no-any-return]


def _multiple_of(validator: Any, factor: Any, instance: Any, _schema: Any) -> Errors:
    if validator.is_type(instance, "number") and _exact(instance) % _exact(factor):
        yield ValidationError("is not a multiple")


def _exact(number: float) -> Fraction | int:
    return number if isinstance(number, int) else Fraction(repr(number))


def _unevaluated_properties(validator: Any, rest: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    known = _evaluated_names(validator, instance)
    extras = [
        name
        for name in instance
        if name not in known and not _inner(validator, rest).is_valid(instance[name])
    ]
    if extras:
        yield _unexpected(extras)


def _unevaluated_items(validator: Any, rest: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, list):
        return
    known = _evaluated_indexes(validator, instance)
    rest_validator = _inner(validator, rest)
    if any(index not in known and not rest_validator.is_valid(item) for index, item in enumerate(instance)):
        yield ValidationError("has unexpected items")


def _evaluated_names(validator: Any, instance: dict[str, Any]) -> set[str]:
    """Names of properties that some keyword beside `unevaluatedProperties` has looked at."""
    schema = validator.schema
    if "additionalProperties" in schema:
        return set(instance)
    names = {name for name in instance if _is_named(name, schema)}
    for beside in _applied_beside(validator, instance):
        if "unevaluatedProperties" in beside.schema:
            return set(instance)
        names |= _evaluated_names(beside, instance)
    return names


def _evaluated_indexes(validator: Any, instance: list[Any]) -> set[int]:
    schema = validator.schema
    if "items" in schema:
        return set(range(len(instance)))
    indexes = set(range(len(schema.get("prefixItems", ()))))
    if "contains" in schema:
        wanted = _inner(validator, schema["contains"])
        indexes.update(index for index, item in enumerate(instance) if wanted.is_valid(item))
    for beside in _applied_beside(validator, instance):
        if "unevaluatedItems" in beside.schema:
            return set(range(len(instance)))
        indexes |= _evaluated_indexes(beside, instance)
    return indexes


def _applied_beside(validator: Any, instance: Any) -> Iterator[Any]:
    """Validators of the subschemas that look at the same instance and hold for it."""
    for each in _candidates(validator, instance):
        if isinstance(each.schema, dict) and each.is_valid(instance):
            yield each


def _candidates(validator: Any, instance: Any) -> Iterator[Any]:
    schema = validator.schema
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            resolved = validator._resolver.lookup(schema[keyword])
            yield validator.evolve(schema=resolved.contents, _resolver=resolved.resolver)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for subschema in schema.get(keyword, ()):
            yield _inner(validator, subschema)
    if "if" in schema:
        condition = _inner(validator, schema["if"])
        yield condition
        yield _inner(validator, schema.get("then" if condition.is_valid(instance) else "else", True))
    for name, subschema in schema.get("dependentSchemas", {}).items():
        if name in instance:
            yield _inner(validator, subschema)


def _inner(validator: Any, subschema: Any) -> Any:
    resource = DRAFT202012.create_resource(subschema)
    return validator.evolve(schema=subschema, _resolver=validator._resolver.in_subresource(resource))


def _evolve(self: Any, *, schema: Any, _resolver: Any = None) -> Any:
    """jsonschema's own one turns to its stock classes at an inner `$schema`, and with them back to `re`.

    It also forgets an inner `$id` where a keyword (`not`, `if`, `contains`) names no resolver.
    """
    budget.get().step()
    kind = type(self)
    if isinstance(schema, dict):
        if "$schema" in schema:
            kind = dialect_of(schema) or kind
        if _resolver is None and "$id" in schema:
            resource = Resource.from_contents(schema, default_specification=DRAFT202012)
            _resolver = self._resolver.in_subresource(resource)
    return kind(schema=schema, registry=self._registry, _resolver=_resolver or self._resolver)


def _is_number(_checker: Any, value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _dialect(stock: Any, keywords: Mapping[str, Any]) -> Any:
    kind: Any = extend(  # type: ignore[no-untyped-call]
        stock,
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "uniqueItems": _unique_items,
            "multipleOf": _multiple_of,
            **keywords,
        },
        type_checker=stock.TYPE_CHECKER.redefine("number", _is_number),
    )
    kind.evolve = _evolve
    return kind


_DIALECTS = {
    DRAFT_7: _dialect(Draft7Validator, {"additionalItems": _additional_items}),
    DRAFT_2020_12: _dialect(
        Draft202012Validator,
        {
            # Gone from this draft, and still written by those who name no draft at all.
            "dependencies": Draft7Validator.VALIDATORS["dependencies"],
            "unevaluatedItems": _unevaluated_items,
            "unevaluatedProperties": _unevaluated_properties,
        },
    ),
}
