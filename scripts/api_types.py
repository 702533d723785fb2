"""Write the dashboard's types of the API from its OpenAPI document; with --check, tell stale ones."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csai.app import ROUTERS
from fastapi import FastAPI

TYPES = Path(__file__).resolve().parent.parent / "admin" / "src" / "api" / "types.ts"
HEAD = """\
/** The admin API, as its OpenAPI document has it. Written by scripts/api_types.py; do not edit. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
"""
SHOWN = ("/admin/", "/api/config")
"""The admin's routes, and what a preview of the widget is told."""
PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_NAME = re.compile(r"[A-Za-z_]\w*")


def main() -> None:
    written = typescript(document())
    if "--check" not in sys.argv:
        TYPES.write_text(written)
    elif not TYPES.exists() or TYPES.read_text() != written:
        sys.exit(f"{TYPES.name} is not what the API says: run .venv/bin/python scripts/api_types.py")


def document() -> dict[str, Any]:
    """Of the routes that the dashboard knows, without a server."""
    app = FastAPI(title="csai", routes=[route for router in ROUTERS for route in router.routes])
    whole = app.openapi()
    whole["paths"] = {path: item for path, item in whole["paths"].items() if path.startswith(SHOWN)}
    return whole


def typescript(spec: Mapping[str, Any]) -> str:
    routes = [
        _route(f"{method.upper()} {path}", operation)
        for path, operations in spec["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = spec["components"]["schemas"]
    models = [_model(name, schemas[name]) for name in sorted(_reached(spec["paths"], schemas))]
    return "\n".join([HEAD, *models, "export interface Routes {", *routes, "}", ""])


def _reached(part: Any, schemas: Mapping[str, Any]) -> set[str]:
    """The names of all models that a part of the document leads to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        for name in set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(waiting.pop()))) - found:
            found.add(name)
            waiting.append(schemas[name])
    return found - {"HTTPValidationError", "ValidationError", "ProblemDocument", "JsonValue"}


def _model(name: str, schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"export type {name} = {_type(schema)};\n"
    return f"export interface {name} {_object(schema, depth=0)}\n"


def _route(route: str, operation: Mapping[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    parts = {
        "path": _parameters(parameters, "path"),
        "query": _parameters(parameters, "query"),
        "body": _content(operation.get("requestBody")),
        "answer": _answer(operation["responses"]),
        "isTagged": "true" if any(given["name"] == "If-Match" for given in parameters) else "false",
    }
    return f'  "{route}": {{\n' + "".join(f"    {name}: {value};\n" for name, value in parts.items()) + "  };"


def _parameters(parameters: list[dict[str, Any]], place: str) -> str:
    named = [given for given in parameters if given["in"] == place]
    if not named:
        return "undefined"
    fields = [
        f"{_key(given['name'])}{'' if given.get('required') else '?'}: {_type(given['schema'], depth=3)}"
        for given in named
    ]
    return f"{{ {'; '.join(fields)} }}"


def _answer(responses: Mapping[str, Any]) -> str:
    found = (_content(answer) for status, answer in responses.items() if status.startswith("2"))
    return next(found, "undefined")  # a browser is sent elsewhere


def _content(part: Mapping[str, Any] | None) -> str:
    schema = (part or {}).get("content", {}).get("application/json", {}).get("schema")
    return "undefined" if schema is None else _type(schema, depth=2)


def _type(schema: Mapping[str, Any], depth: int = 0) -> str:
    match schema:
        case {"$ref": str() as reference}:
            name = reference.rpartition("/")[2]
            return "Json" if name == "JsonValue" else name
        case {"const": value}:
            return json.dumps(value)
        case {"enum": list() as values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": list() as options} | {"oneOf": list() as options}:
            return " | ".join(dict.fromkeys(_type(option, depth) for option in options))
        case {"type": "array"}:
            item = _type(schema.get("items", {}), depth)
            return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
        case {"type": "object", "properties": dict()}:
            return _object(schema, depth)
        case {"type": "object", "additionalProperties": dict() as values}:
            return f"{{ readonly [name: string]: {_type(values, depth)} }}"
        case {"type": "object"}:
            return "{ readonly [name: string]: Json }"
        case {"type": str() as name}:
            return PLAIN[name]
    return "Json"


def _object(schema: Mapping[str, Any], depth: int) -> str:
    required, inset = schema.get("required", []), "  " * (depth + 1)
    fields = [
        f"{inset}readonly {_key(name)}{'' if name in required else '?'}: {_type(field, depth + 1)};\n"
        for name, field in schema["properties"].items()
    ]
    return "{\n" + "".join(fields) + "  " * depth + "}"


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)


if __name__ == "__main__":
    main()
