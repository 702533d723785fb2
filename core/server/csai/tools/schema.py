"""JSON Schemas of tools: what a tool's arguments must look like before it runs.

Drafts 7 and 2020-12, read without opening a connection and applied within a budget of processor time, for
both the schema and the arguments may come from someone who means harm. `docs/json-schema.md` tells admins
what holds, and where this differs from the standard's test suite.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import ValidationError
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY
from referencing import Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT7, DRAFT202012

from csai.tools.dialect import DRAFT_7, DRAFT_2020_12, Budget, BudgetSpent, budget, dialect_of
from csai.tools.pattern import InvalidPattern, compile_pattern

MAX_SCHEMA_BYTES = 64_000
CALL_BUDGET_S = 0.1
SCHEMA_BUDGET_S = 1.0
_MAX_ERRORS = 5
_MAX_TEXT = 200
_UNRESOLVED = (Unresolvable, NoSuchResource)
_UNFIT = (BudgetSpent, RecursionError, InvalidPattern, *_UNRESOLVED)


class InvalidSchema(ValueError):
    """The text is no JSON Schema that a tool can have; the message tells why."""


class ArgumentsValidator:
    """A compiled schema. Keeps nothing between calls and may be shared by all clients."""

    __slots__ = ("_root",)

    def __init__(self, root: Any) -> None:
        self._root = root

    def errors(self, instance: Any) -> list[str]:
        """What is wrong with the arguments, for the model to read; empty when nothing is."""
        token = budget.set(Budget(CALL_BUDGET_S))
        try:
            found = list(islice(self._root.iter_errors(instance), _MAX_ERRORS + 1))
            messages = list(dict.fromkeys(_message(error) for error in found[:_MAX_ERRORS]))
        except _UNFIT as error:
            return [_unfit_message(error)]
        finally:
            budget.reset(token)
        return messages + ["there are more errors"] * (len(found) > _MAX_ERRORS)

    def is_valid(self, instance: Any) -> bool:
        return not self.errors(instance)


def check_tool_schema(schema: Any) -> ArgumentsValidator:
    """The validator of a schema that a tool of the catalog may have. Raises `InvalidSchema`.

    A tool's arguments are an object, so a schema that rules objects out, or that is only `true` or `false`,
    is refused. One that leaves `type` out is taken: it says the same, and vendors get `type` added.
    """
    if not isinstance(schema, Mapping):
        raise InvalidSchema('a tool\'s schema is a JSON object, at least {"type": "object"}')
    kinds = schema.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        raise InvalidSchema('a tool\'s arguments are an object: set "type" to "object"')
    return compile_schema(schema)


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """What is wrong with a schema, and the JSON pointer to where; of the whole one it is empty."""

    path: str
    message: str


def schema_faults(schema: Any) -> list[SchemaFault]:
    """What keeps this from being the schema of a tool; empty when nothing does."""
    try:
        check_tool_schema(schema)
    except InvalidSchema as error:
        return _grammar_faults(schema) or [SchemaFault("", str(error))]
    return []


def compile_schema(schema: Mapping[str, Any] | bool) -> ArgumentsValidator:
    """The validator of any schema; the same one for the same schema. Raises `InvalidSchema`."""
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSchema(f"the schema is not JSON: {_cut(str(error))}") from error
    if len(text) > MAX_SCHEMA_BYTES:
        raise InvalidSchema(f"the schema has more than {MAX_SCHEMA_BYTES} characters")
    return _compile(text)


@lru_cache(maxsize=1024)
def _compile(text: str) -> ArgumentsValidator:
    token = budget.set(Budget(SCHEMA_BUDGET_S))
    try:
        schema = json.loads(text)
        _check_against_metaschema(schema)
        document, resolver = _document(schema)
        _check_parts(document, resolver)
        root = _dialect(schema)(schema, registry=REGISTRY, _resolver=resolver)
        # A schema that refers to itself without taking a step into the arguments never comes to an end.
        list(root.iter_errors({}))
    except RecursionError:
        raise InvalidSchema("the schema is nested too deeply, or refers to itself without end") from None
    except BudgetSpent:
        raise InvalidSchema("the schema takes too long to check; make it simpler") from None
    except _UNRESOLVED:
        raise InvalidSchema("a dynamic reference leads nowhere inside the schema") from None
    finally:
        budget.reset(token)
    return ArgumentsValidator(root)


def _dialect(schema: Any) -> Any:
    found = dialect_of(schema)
    if found is None:
        named = _cut(json.dumps(schema["$schema"]))
        raise InvalidSchema(f'"$schema" names {named}; known are {DRAFT_2020_12} and {DRAFT_7}#')
    return found


def _check_against_metaschema(schema: Any, *, around: Any = None) -> None:
    """A part without a `$schema` is of the draft of the schema around it."""
    if not isinstance(schema, dict | bool):
        raise InvalidSchema("a schema is a JSON object, true or false")
    has_own = around is None or (isinstance(schema, dict) and "$schema" in schema)
    kind = _dialect(schema if has_own else around)
    error = best_match(kind(kind.META_SCHEMA, registry=REGISTRY).iter_errors(schema))
    if error is not None:
        raise InvalidSchema(f"no valid schema: {_message(error, root='the schema')}")


def _grammar_faults(schema: Any) -> list[SchemaFault]:
    """Every place where it is no JSON Schema, as far as looking may take time."""
    kind = dialect_of(schema) if isinstance(schema, dict) else None
    if kind is None:
        return []
    token = budget.set(Budget(CALL_BUDGET_S))
    try:
        found = kind(kind.META_SCHEMA, registry=REGISTRY).iter_errors(schema)
        faults = [SchemaFault(_pointer(error), _cut(_reason(error))) for error in islice(found, _MAX_ERRORS)]
    except _UNFIT:
        return []
    finally:
        budget.reset(token)
    return list(dict.fromkeys(faults))


def _document(schema: Any) -> tuple[Resource[Any], Any]:
    """The schema with a resolver that knows it, whatever in it has an `$id`, and the meta-schemas."""
    document = Resource.from_contents(schema, default_specification=_specification(schema))
    try:
        address = document.id() or ""
        return document, REGISTRY.with_resource(address, document).crawl().resolver(address)
    except ValueError as error:
        raise InvalidSchema('an "$id" in the schema is no URI') from error


def _check_parts(document: Resource[Any], resolver: Any) -> None:
    """Refuse patterns, references and inner dialects that could only fail later, at a visitor's call."""
    specification = _specification(document.contents)
    reached = [(document, resolver)]
    referred: list[tuple[Resource[Any], Any]] = []
    seen: set[int] = set()
    while reached or referred:
        is_target = not reached
        resource, resolver = (reached or referred).pop()
        part = resource.contents
        if id(part) in seen:
            continue
        seen.add(id(part))
        budget.get().step()
        if is_target or (isinstance(part, dict) and "$schema" in part):
            # A reference may point to where the check of the whole schema saw no schema.
            _check_against_metaschema(part, around=document.contents)
        if isinstance(part, bool):
            continue
        _check_patterns(part)
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(part.get(keyword), str):
                target = _lookup(resolver, part[keyword])
                inner = Resource.from_contents(target.contents, default_specification=specification)
                referred.append((inner, target.resolver))
        reached.extend((inner, resolver.in_subresource(inner)) for inner in _subresources(resource))


def _specification(schema: Any) -> Any:
    return DRAFT7 if dialect_of(schema) is dialect_of({"$schema": DRAFT_7}) else DRAFT202012


def _subresources(resource: Resource[Any]) -> Iterator[Resource[Any]]:
    yield from resource.subresources()
    for dependency in resource.contents.get("dependencies", {}).values():
        if not isinstance(dependency, list):
            yield Resource.from_contents(dependency, default_specification=DRAFT202012)


def _lookup(resolver: Any, reference: str) -> Any:
    try:
        return resolver.lookup(reference)
    except (*_UNRESOLVED, ValueError, TypeError) as error:
        # The last two come of references that are no URI, or whose pointer leads through a number or a text.
        shown = _cut(json.dumps(reference))
        raise InvalidSchema(
            f"the reference {shown} leads nowhere inside the schema; no other is followed"
        ) from error


def _check_patterns(part: Mapping[str, Any]) -> None:
    patterns = [*part.get("patternProperties", {}), *([part["pattern"]] if "pattern" in part else [])]
    for pattern in patterns:
        try:
            compile_pattern(pattern)
        except InvalidPattern as error:
            raise InvalidSchema(f"the pattern {_cut(json.dumps(pattern))} cannot be used: {error}") from None


def _unfit_message(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "arguments: nested too deeply"
    if isinstance(error, BudgetSpent):
        return "arguments: checking them took too long; send shorter or simpler values"
    return "arguments: the tool's schema cannot be applied to them"


def _message(error: ValidationError, *, root: str = "arguments") -> str:
    return f"{_pointer(error) or root}: {_cut(_reason(error))}"


def _pointer(error: ValidationError) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    return _cut("".join(f"/{step}" for step in steps))


def _reason(error: ValidationError) -> str:
    """Says what is wanted and not what was found: the value may be huge, or a visitor's secret."""
    keyword = str(error.validator)
    wanted: Any = error.validator_value
    instance: Any = error.instance
    match keyword:
        case "required":
            missing = [name for name in wanted if name not in instance]
            return f"{_listed(missing)} is missing"
        case "additionalProperties" | "unevaluatedProperties" if names := getattr(error, "unexpected", None):
            return f"{_listed(names[:_MAX_ERRORS])} is not expected here"
        case "anyOf" | "oneOf" if error.context:
            alternatives = "; ".join(
                dict.fromkeys(_within(each) for each in islice(error.context, _MAX_ERRORS))
            )
            return f"fits none of the alternatives: {alternatives}"
        case _ if keyword in _REASONS:
            return _REASONS[keyword].format(wanted=_shown(wanted))
    return "is not allowed here"


def _within(error: ValidationError) -> str:
    path = "/".join(str(step) for step in error.relative_path)
    return _cut(f"{path} {_reason(error)}".strip())


_REASONS = {
    "type": "must be of type {wanted}",
    "enum": "must be one of {wanted}",
    "const": "must be {wanted}",
    "minimum": "must be at least {wanted}",
    "maximum": "must be at most {wanted}",
    "exclusiveMinimum": "must be more than {wanted}",
    "exclusiveMaximum": "must be less than {wanted}",
    "multipleOf": "must be a multiple of {wanted}",
    "minLength": "must have at least {wanted} characters",
    "maxLength": "must have at most {wanted} characters",
    "pattern": "must match the pattern {wanted}",
    "minItems": "must have at least {wanted} items",
    "maxItems": "must have at most {wanted} items",
    "uniqueItems": "must not have the same item twice",
    "contains": "lacks an item that it must contain",
    "minContains": "lacks items that it must contain",
    "maxContains": "has too many items of one kind",
    "items": "has an item that is not expected",
    "additionalItems": "has items that are not expected",
    "unevaluatedItems": "has items that are not expected",
    "minProperties": "must have at least {wanted} properties",
    "maxProperties": "must have at most {wanted} properties",
    "dependentRequired": "lacks a property that another one needs",
    "dependencies": "lacks a property that another one needs",
    "oneOf": "fits more than one of the alternatives",
    "not": "has a form that is not allowed",
}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(names: list[str]) -> str:
    return ", ".join(json.dumps(_cut(name, 60), ensure_ascii=False) for name in names)


def _cut(text: str, length: int = _MAX_TEXT) -> str:
    """Short, and fit to be sent: a lone surrogate, which JSON can carry, cannot."""
    short = text if len(text) <= length else f"{text[: length - 1]}…"
    return short.encode("utf-8", "replace").decode()
