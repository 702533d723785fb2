"""Endpoints of OpenAPI documents, sound, odd and hostile."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from csai_integration_rest.integration import RestIntegration
from csai_integration_rest.openapi import read_openapi
from csai_sdk import Endpoint, SettingsError

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "paths": {
        "/orders/{orderId}": {
            "parameters": [{"$ref": "#/components/parameters/Order"}],
            "get": {
                "operationId": "orders.get",
                "summary": "One order.",
                "description": "With its lines.",
                "parameters": [
                    {
                        "name": "filter[state]",
                        "in": "query",
                        "schema": {"$ref": "#/components/schemas/State"},
                    },
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "X-Shop", "in": "header", "schema": {"type": "string", "nullable": True}},
                    {"name": "Authorization", "in": "header", "required": True, "schema": {"type": "string"}},
                    {"name": "deep", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
                    {"name": "visitor_id", "in": "query", "schema": {"type": "string"}},
                ],
            },
            "delete": {},
        },
        "/search": {
            "post": {
                "operationId": "search",
                "description": "Searches.",
                "x-csai-read": True,
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["text"],
                                "properties": {
                                    "text": {"type": "string"},
                                    "range": {
                                        "type": "object",
                                        "properties": {"from": {"type": "integer"}},
                                    },
                                },
                            }
                        }
                    }
                },
            }
        },
        "/orders": {"post": {"operationId": "orders.create"}, "get": {"description": "All orders."}},
    },
    "components": {
        "parameters": {
            "Order": {
                "name": "orderId",
                "in": "path",
                "required": True,
                "description": "Its number.",
                "schema": {"type": "string", "pattern": "^[0-9]+$", "example": "7"},
            }
        },
        "schemas": {"State": {"type": "string", "enum": ["open", "closed"]}},
    },
}


def found(document: dict[str, Any]) -> dict[str, Endpoint]:
    return {each.name: each for each in read_openapi(json.dumps(document)).endpoints}


def reasons(document: dict[str, Any]) -> dict[str, str]:
    return dict(read_openapi(json.dumps(document)).skipped)


def with_get(operation: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {"/things": {"get": operation}}, **more}


def test_operations_that_read_become_endpoints_and_others_are_told() -> None:
    endpoints = found(DOCUMENT)

    assert set(endpoints) == {"orders_get", "search", "get_orders"}
    order = endpoints["orders_get"]
    assert (order.url, order.method) == ("/orders/{orderId}", "GET")
    assert order.description == "One order. With its lines."
    assert order.parameters_schema == {
        "type": "object",
        "properties": {
            "orderId": {"type": "string", "pattern": "^[0-9]+$", "description": "Its number."},
            "filter_state": {"type": "string", "enum": ["open", "closed"]},
            "tag": {"type": "array", "items": {"type": "string"}},
            "X_Shop": {"type": ["string", "null"]},
            "p_visitor_id": {"type": "string"},
        },
        "required": ["orderId"],
        "additionalProperties": False,
    }
    assert order.request == {
        "query": {"filter[state]": "{filter_state}", "tag": "{tag}", "visitor_id": "{p_visitor_id}"},
        "headers": {"X-Shop": "{X_Shop}"},
    }
    search = endpoints["search"]
    assert search.request == {"body": {"text": "{text}", "range": "{range}"}}
    assert search.parameters_schema["properties"]["range"] == {
        "type": "object",
        "properties": {"from": {"type": "integer"}},
    }
    told = reasons(DOCUMENT)
    assert told["DELETE /orders/{orderId}"] == "it changes something"
    assert "x-csai-read" in told["POST /orders"]


def test_yaml_says_the_same_as_json() -> None:
    assert read_openapi(yaml.safe_dump(DOCUMENT, sort_keys=False)) == read_openapi(json.dumps(DOCUMENT))


def test_every_endpoint_passes_the_integration_s_own_check() -> None:
    for endpoint in found(DOCUMENT).values():
        RestIntegration().check_endpoint(endpoint)


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        ({"$ref": "https://evil.example/p.json"}, "another document"),
        ({"$ref": "other.yaml#/p"}, "another document"),
        ({"$ref": "#/components/parameters/gone"}, "leads nowhere"),
        ({"$ref": "#/components/parameters/loop"}, "itself"),
        ({"$ref": 7}, "another document"),
        ("no object", "object"),
        (
            {"name": "q", "in": "query", "required": True, "schema": {"$ref": "#/components/schemas/loop"}},
            "itself",
        ),
        ({"name": "q", "in": "query", "required": True, "schema": {"type": "object"}}, "cannot be filled"),
        ({"name": "q", "in": "cookie", "required": True}, "no place"),
        ({"name": "x\r\ny", "in": "header", "required": True}, "cannot be set"),
    ],
)
def test_what_cannot_be_followed_is_left_out_with_the_reason(parameter: Any, why: str) -> None:
    components = {
        "parameters": {"loop": {"$ref": "#/components/parameters/loop"}},
        "schemas": {"loop": {"type": "array", "items": {"$ref": "#/components/schemas/loop"}}},
    }
    document = with_get({"parameters": [parameter]}, components=components)

    assert found(document) == {}
    assert why in reasons(document)["GET /things"]


def test_an_optional_parameter_that_cannot_be_filled_is_left_out_alone() -> None:
    parameter = {"name": "q", "in": "query", "schema": {"type": "object"}}
    (endpoint,) = found(with_get({"parameters": [parameter]})).values()
    assert endpoint.parameters_schema["properties"] == {}


def test_a_document_that_doubles_itself_takes_no_time() -> None:
    schemas: dict[str, Any] = {"s30": {"type": "string"}}
    for n in range(30):
        target = {"$ref": f"#/components/schemas/s{n + 1}"}
        schemas[f"s{n}"] = {"type": "object", "properties": {"a": target, "b": target}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/s0"}}}}
    document = {
        "openapi": "3.1.0",
        "paths": {"/x": {"post": {"x-csai-read": True, "requestBody": body}}},
        "components": {"schemas": schemas},
    }

    began = time.process_time()
    assert found(document) == {}
    assert time.process_time() - began < 2


def test_aliases_in_yaml_that_double_take_no_time() -> None:
    lines = ["openapi: 3.1.0", "x0: &x0 {type: string}"]
    lines += [
        f"x{n}: &x{n} {{type: object, properties: {{a: *x{n - 1}, b: *x{n - 1}}}}}" for n in range(1, 31)
    ]
    lines += ["paths:", "  /x:", "    post:", "      x-csai-read: true", "      requestBody:"]
    lines += ["        content: {application/json: {schema: *x30}}"]

    began = time.process_time()
    assert read_openapi("\n".join(lines)).endpoints == []
    assert time.process_time() - began < 2


def _values_in_values() -> str:
    """Ten lists of thirty that are one another: 30 to the tenth values in a few lines."""
    lines = ["x0: &x0 [" + ",".join("1" * 30) + "]"]
    lines += [f"x{n}: &x{n} [" + ",".join([f"*x{n - 1}"] * 30) + "]" for n in range(1, 10)]
    parameter = "{name: q, in: query, required: true, schema: {type: string, enum: *x9}}"
    return _yaml("{parameters: [" + parameter + "]}", *lines)


def _a_list_that_holds_itself() -> str:
    return _yaml("{parameters: [{name: q, in: query, schema: {type: string, enum: *x}}]}", "x: &x [1, *x]")


def _one_long_text() -> str:
    return _yaml('{description: "' + "a " * 900_000 + '"}', count=1_000)


def _names_that_become_one() -> str:
    names = ", ".join(f'{{name: "a{"!" * n}", in: query}}' for n in range(90))
    return _yaml(f"{{parameters: [{names}]}}", count=2_000)


def _one_large_schema() -> str:
    properties = ", ".join(f"p{n}: {{}}" for n in range(4_000))
    schema = f"{{type: object, properties: {{{properties}}}}}"
    return _yaml(f"{{parameters: [{{name: q, in: query, schema: {schema}}}]}}", count=2_000)


def _one_long_list_of_types() -> str:
    values = ", ".join(["s"] * 100_000)
    properties = ", ".join(f"p{n}: {{type: *v}}" for n in range(4_000))
    schema = f"{{type: object, properties: {{{properties}}}}}"
    return _yaml(f"{{parameters: [{{name: q, in: query, schema: {schema}}}]}}", f"v: &v [{values}]", count=50)


def _a_way_in_circles() -> str:
    reference = "#/z" + "/b" * 400_000
    parameters = ", ".join(["{$ref: *r}"] * 90)
    return _yaml(f"{{parameters: [{parameters}]}}", f'r: &r "{reference}"', "z: &z {b: *z}", count=100)


def _yaml(operation: str, *lines: str, count: int = 1) -> str:
    """A document with one operation, at as many paths."""
    paths = [f"  /p{n}: {{get: *op}}" for n in range(count)]
    return "\n".join(["openapi: 3.1.0", *lines, f"op: &op {operation}", "paths:", *paths])


@pytest.mark.parametrize(
    "document",
    [
        _values_in_values(),
        _a_list_that_holds_itself(),
        _one_long_text(),
        _names_that_become_one(),
        _one_large_schema(),
        _one_long_list_of_types(),
        _a_way_in_circles(),
    ],
    ids=["values", "itself", "text", "names", "schema", "types", "circles"],
)
def test_a_few_lines_that_say_much_take_no_time(document: str) -> None:
    began = time.process_time()
    try:
        found = read_openapi(document)
    except SettingsError:
        pass
    else:
        assert len(json.dumps([each.parameters_schema for each in found.endpoints])) < 20_000_000
    assert time.process_time() - began < 15


def test_a_name_or_a_list_without_end_leaves_out_one_operation_alone() -> None:
    long = [{"name": "q" * 101, "in": "query", "required": True}]
    many = [{"name": f"q{n}", "in": "query"} for n in range(101)]
    paths = {"/a": {"get": {"parameters": long}}, "/b": {"get": {"parameters": many}}, "/c": {"get": {}}}
    document = {"openapi": "3.1.0", "paths": paths}

    assert set(found(document)) == {"get_c"}
    assert "too long" in reasons(document)["GET /a"]
    assert "more than 100 parameters" in reasons(document)["GET /b"]


@pytest.mark.parametrize(
    "document",
    [
        '{"openapi": "3.1.0", "paths": {' + ", ".join(f'"/{n}": 1' for n in range(2_001)) + "}}",
        "",
        "[",
        "{",
        "[1]",
        "[" * 50_000,
        "a: " + "{a: " * 50_000,
        "a: &a {b: c}\nd: {<<: *a}",
        "a: 1" + ":59" * 100_000,
        "{" * 50_000,
        '{"swagger": "2.0", "paths": {"/x": {"get": {}}}}',
        '{"openapi": "3.1.0"}',
        '{"openapi": "3.1.0", "paths": []}',
        '{"openapi": "3.1.0", "paths": {}}',
        "!!python/object/apply:os.system ['true']",
        " " * 2_000_001,
    ],
)
def test_what_is_no_document_is_refused(document: str) -> None:
    with pytest.raises(SettingsError):
        read_openapi(document)


def test_odd_shapes_are_left_out_and_break_nothing() -> None:
    oddities: list[dict[str, Any]] = [
        {"parameters": 7},
        {"parameters": [[]]},
        {"parameters": {"a": 1}},
        {"operationId": 7},
        {"summary": ["x"]},
        {"parameters": [{"name": "q", "in": "query", "schema": {"type": "object", "properties": 5}}]},
        {"parameters": [{"name": "q", "in": "query", "schema": {"type": [1, {}]}}]},
        {"parameters": [{"name": "q", "in": {}, "schema": {}}]},
        {"parameters": [{"name": None, "in": "path"}]},
    ]
    for odd in oddities:
        read_openapi(json.dumps(with_get(odd)))
