"""What tools' schemas may be, what their validators say, and what they withstand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from csai.tools.schema import InvalidSchema, check_tool_schema, compile_schema

from core.server.tests.tools.schema_errors import DRAFT_7, ORDER, errors, nested, with_a


class TestMessages:
    def test_valid_arguments_have_no_errors(self) -> None:
        assert errors(ORDER, {"order_id": "ORD-1", "count": 2, "note": None}) == []

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, 'arguments: "order_id" is missing'),
            ({"order_id": 7}, "/order_id: must be of type string"),
            ({"order_id": "x"}, "/order_id: must match the pattern ^ORD-[0-9]+$"),
            ({"order_id": "ORD-1", "count": 0}, "/count: must be at least 1"),
            ({"order_id": "ORD-1", "qty": 0}, 'arguments: "qty" is not expected here'),
            (
                {"order_id": "ORD-1", "note": 1},
                "/note: fits none of the alternatives: must be of type string; must be of type null",
            ),
            ([], "arguments: must be of type object"),
        ],
    )
    def test_each_error_names_the_place_and_what_is_wanted(self, arguments: Any, message: str) -> None:
        assert errors(ORDER, arguments) == [message]

    def test_keywords_say_what_they_want_in_words(self) -> None:
        schema = with_a({"enum": ["red", "blue"]})

        assert errors(schema, {"a": "green"}) == ['/a: must be one of ["red", "blue"]']

    def test_the_value_is_never_repeated_to_the_model(self) -> None:
        secret = "4111111111111111"
        schema = {
            "properties": {
                "a": {"type": "integer"},
                "b": {"pattern": "^x$"},
                "c": {"enum": ["x"]},
                "d": {"not": {"type": "string"}},
                "e": {"items": False},
                "f": {"oneOf": [{"type": "null"}, {"const": 1}]},
                "g": False,
            }
        }
        for name in schema["properties"]:
            value = [secret] if name == "e" else secret
            assert errors(schema, {name: value})
            assert secret not in "".join(errors(schema, {name: value}))

    def test_many_and_long_errors_are_cut(self) -> None:
        schema = {"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 3}}

        found = errors(schema, {f"{n}{'long' * 500}": n for n in range(500)})

        assert len(found) == 6
        assert found[-1] == "there are more errors"
        assert max(map(len, found)) < 450

    def test_messages_can_be_encoded_whatever_the_schema_holds(self) -> None:
        found = errors({"required": ["\ud800"]}, {})

        assert found[0].encode()

    def test_a_pointer_escapes_what_the_standard_escapes(self) -> None:
        assert errors({"properties": {"a/b~": {"type": "null"}}}, {"a/b~": 1}) == [
            "/a~1b~0: must be of type null"
        ]


class TestSchemas:
    @pytest.mark.parametrize(
        ("schema", "why"),
        [
            ({"type": "objekt"}, "/type"),
            ({"properties": []}, "/properties"),
            ({"required": "a"}, "/required"),
            (with_a({"type": 5}), "/properties/a/type"),
            (with_a({"pattern": "("}), "not closed"),
            ({"patternProperties": {"a**": {}}}, "nothing to repeat"),
            ({"dependencies": {"a": {"pattern": "("}}}, "not closed"),
            ({"$schema": "http://json-schema.org/draft-04/schema#"}, "draft-04"),
            ({"$schema": 5}, "known are"),
            (with_a({"$schema": "http://json-schema.org/draft-04/schema#"}), "draft-04"),
            ({"$ref": "#/$defs/gone"}, "#/$defs/gone"),
            ({"$ref": "#gone"}, "#gone"),
            ({"$ref": "http://[::1"}, "leads nowhere"),
            ({"x": 5, "$ref": "#/x"}, "a JSON object, true or false"),
            ({"x": [1], "$ref": "#/x/y"}, "leads nowhere"),
            ({"x": None, "$ref": "#/x/y"}, "leads nowhere"),
            ({"examples": [{"properties": 5}], "$ref": "#/examples/0"}, "/properties"),
            ({"minimum": math.nan}, "not JSON"),
            ({"a": {1, 2}}, "not JSON"),
            ({"description": "x" * 70_000}, "64000"),
            ({"$ref": "#"}, "without end"),
            (nested(3_000), "not JSON"),
            ({"not": {"$ref": "#/not"}}, "without end"),
            ("object", "a JSON object, true or false"),
        ],
    )
    def test_a_schema_that_is_no_schema_is_refused_with_its_cause(self, schema: Any, why: str) -> None:
        with pytest.raises(InvalidSchema) as refusal:
            compile_schema(schema)
        assert why in str(refusal.value)

    @pytest.mark.parametrize(
        "schema", [True, False, "x", [], None, {"type": "string"}, {"type": ["array", "null"]}]
    )
    def test_a_tool_takes_only_schemas_of_objects(self, schema: Any) -> None:
        with pytest.raises(InvalidSchema, match="object"):
            check_tool_schema(schema)

    @pytest.mark.parametrize(
        "schema", [{}, {"type": "object"}, {"type": ["object", "null"]}, {"properties": {}}]
    )
    def test_a_tool_takes_schemas_of_objects_with_and_without_the_word(self, schema: Any) -> None:
        assert check_tool_schema(schema).is_valid({})

    def test_the_same_schema_is_compiled_once(self) -> None:
        assert compile_schema(dict(ORDER)) is compile_schema(dict(ORDER))

    def test_a_schema_changed_after_compiling_does_not_change_its_validator(self) -> None:
        schema = with_a({"type": "string"})
        validator = compile_schema(schema)
        schema["properties"]["a"]["type"] = "integer"

        assert validator.is_valid({"a": "x"})

    def test_recursive_schemas_work(self) -> None:
        schema = {"$defs": {"node": with_a({"$ref": "#/$defs/node"})}, "$ref": "#/$defs/node"}

        assert errors(schema, nested(20)) == []
        assert errors(schema, {"a": {"a": 1}}) == ["/a/a: must be of type object"]

    def test_draft_7_is_read_by_its_own_rules(self) -> None:
        pair = {"items": [{"type": "string"}], "additionalItems": False}

        assert errors({"$schema": DRAFT_7, **with_a(pair)}, {"a": ["x"]}) == []
        assert errors({"$schema": DRAFT_7, **with_a(pair)}, {"a": ["x", 1]})
        assert (
            errors({"$schema": DRAFT_7, **with_a({"items": True, "additionalItems": False})}, {"a": [1]})
            == []
        )
        with pytest.raises(InvalidSchema):
            compile_schema(with_a(pair))

    def test_a_part_that_is_referred_to_is_of_the_draft_around_it(self) -> None:
        pair = {"items": [{"type": "string"}], "additionalItems": False}

        assert errors({"$schema": DRAFT_7, "own": pair, **with_a({"$ref": "#/own"})}, {"a": ["x", 1]})
        with pytest.raises(InvalidSchema):
            compile_schema({"own": pair, **with_a({"$ref": "#/own"})})

    @pytest.mark.parametrize(("keyword", "is_valid"), [("not", False), ("if", True), ("contains", True)])
    def test_an_inner_id_is_the_base_of_references_under_every_keyword(
        self, keyword: str, is_valid: bool
    ) -> None:
        inner = {"$id": "http://shop.example/a/", "$ref": "b#x", "$defs": {"b": {"$id": "b", "$anchor": "x"}}}
        value = [1] if keyword == "contains" else 1

        assert compile_schema(with_a({keyword: inner})).is_valid({"a": value}) is is_valid

    def test_a_dynamic_reference_into_the_drafts_own_schema_resolves(self) -> None:
        metaschema = "https://json-schema.org/draft/2020-12/schema"
        parts = {"items": {"$dynamicRef": metaschema, "$id": "else"}, "$defs": {"foo": {"$anchor": "items"}}}

        assert compile_schema({"$id": "http://shop.example/root", **parts}).errors({"a": 1}) == []

    @pytest.mark.parametrize(
        ("price", "is_valid"), [(19.99, True), (0.07, True), (4.35, True), (19.995, False)]
    )
    def test_prices_are_multiples_of_a_cent(self, price: float, is_valid: bool) -> None:
        assert compile_schema(with_a({"multipleOf": 0.01})).is_valid({"a": price}) is is_valid

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_json_has_no_number_for_is_no_number(self, value: float) -> None:
        assert errors(with_a({"type": "number", "multipleOf": 0.5}), {"a": value}) == [
            "/a: must be of type number"
        ]

    def test_unique_items_tell_one_from_true_and_not_from_one_point_zero(self) -> None:
        unique = with_a({"uniqueItems": True})

        assert errors(unique, {"a": [1, True, 0, False, "1", [1], [True], {"x": 1}, {"x": True}, None]}) == []
        assert errors(unique, {"a": [{"x": [1]}, {"x": [1.0]}]})
