"""What a schema says of a value."""

from __future__ import annotations

from typing import Any

from csai.tools.schema import compile_schema

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
ORDER = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "pattern": "^ORD-[0-9]+$"},
        "count": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["order_id"],
    "additionalProperties": False,
}


def errors(schema: Any, instance: Any) -> list[str]:
    return compile_schema(schema).errors(instance)


def with_a(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value
