"""Examples for the OpenAPI document: of each JSON answer one that fits, made where none is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEPTH = 10
OF_FORMAT = {
    "date": "2026-03-01",
    "date-time": "2026-03-01T12:00:00Z",
    "uuid": "0195501f-4c00-7000-8000-000000000001",
    "uri": "https://shop.example/",
}
OF_TYPE: Mapping[str, Any] = {"string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None}


def add_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with an example at each successful JSON answer."""
    parts = document.get("components", {}).get("schemas", {})
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if status.startswith("2") and content is not None:
                    content.setdefault("example", example_of(content.get("schema", {}), parts))
    return document


def example_of(schema: Mapping[str, Any], parts: Mapping[str, Any], *, depth: int = DEPTH) -> Any:
    """A value that fits; what is written in the schema comes first."""
    if schema.get("examples"):
        return schema["examples"][0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        return example_of(parts[schema["$ref"].rpartition("/")[2]], parts, depth=depth)
    choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if choices:
        return example_of(choices[0], parts, depth=depth)
    if depth == 0:
        return [] if schema.get("type") == "array" else {}
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), parts, depth=depth - 1)]
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {name: example_of(each, parts, depth=depth - 1) for name, each in properties.items()}
    return OF_FORMAT.get(schema.get("format", ""), OF_TYPE.get(schema.get("type", ""), {}))
