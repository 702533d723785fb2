"""Schemas and arguments made to do harm reach no address and end in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from csai.tools.schema import InvalidSchema, compile_schema

from core.server.tests.tools.schema_errors import DRAFT_7, ORDER, errors, nested, with_a

DOUBLING: dict[str, Any] = {"d30": {}} | {
    f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)
}


class TestHostileInput:
    @pytest.fixture
    def listener(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            yield server

    @pytest.mark.parametrize(
        "make",
        [
            lambda url: {"$ref": url},
            lambda url: with_a({"$ref": f"{url}#/$defs/x"}),
            lambda url: {"$dynamicRef": url},
            lambda url: {"$schema": url},
            lambda url: with_a({"$schema": url}),
            lambda url: {"$id": url, "$ref": "other.json"},
            lambda url: {"$schema": DRAFT_7, "definitions": {"x": {"$ref": url}}, "$ref": "#/definitions/x"},
            lambda url: {"dependencies": {"a": {"$ref": url}}},
            lambda url: {"x-own": {"$ref": url}, "$ref": "#/x-own"},
        ],
    )
    def test_a_remote_reference_is_refused_and_opens_no_connection(
        self, listener: socket.socket, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Any] = []
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: asked.append(arguments))
        with pytest.raises(InvalidSchema):
            compile_schema(make(f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"))

        assert asked == []
        with pytest.raises(BlockingIOError):
            listener.accept()

    @pytest.mark.parametrize(
        ("schema", "arguments"),
        [
            (with_a({"pattern": "^(a|a)*$"}), {"a": "a" * 5_000 + "!"}),
            ({"patternProperties": {"^(a|aa)+$": False}}, {"a" * 400 + "!": 1}),
            ({"patternProperties": {"^(a|aa)+$": True}, "additionalProperties": False}, {"a" * 400 + "!": 1}),
            (
                {"allOf": [{"patternProperties": {"^(a|aa)+$": True}}], "unevaluatedProperties": False},
                {"a" * 400 + "!": 1},
            ),
            ({"propertyNames": {"pattern": "^(a|aa)+$"}}, {"a" * 400 + "!": 1}),
            # jsonschema would turn to its stock class here, and so to the standard library's `re`.
            (with_a({"$schema": DRAFT_7, "$id": "urn:x", "pattern": "^(a|a)*$"}), {"a": "a" * 5_000 + "!"}),
            (with_a({"$ref": "#/$defs/d0"}) | {"$defs": DOUBLING}, {"a": 1}),
        ],
    )
    def test_what_would_take_forever_is_cut_off_and_not_valid(self, schema: Any, arguments: Any) -> None:
        validator = compile_schema(schema)
        began = time.thread_time()

        found = validator.errors(arguments)

        assert found == ["arguments: checking them took too long; send shorter or simpler values"]
        assert time.thread_time() - began < 0.5

    def test_a_schema_that_takes_forever_by_itself_is_refused(self) -> None:
        with pytest.raises(InvalidSchema, match="too long"):
            compile_schema({"$defs": DOUBLING, "$ref": "#/$defs/d0"})

    @pytest.mark.parametrize(
        "schema",
        [
            {"$defs": {"n": with_a({"$ref": "#/$defs/n"})}, "$ref": "#/$defs/n"},
            with_a({"uniqueItems": True}),
            with_a({"type": "string"}),
            with_a({"$ref": "#/properties/a"}),
        ],
    )
    def test_arguments_nested_without_end_are_not_valid(self, schema: Any) -> None:
        value: Any = []
        for _ in range(20_000):
            value = [value]

        assert errors(schema, {"a": [nested(5_000), value]}) or errors(schema, nested(5_000))

    def test_thousands_of_unequal_objects_are_told_apart_in_time(self) -> None:
        assert errors(with_a({"uniqueItems": True}), {"a": [{"n": n} for n in range(5_000)]}) == []

    def test_one_call_that_took_too_long_leaves_the_next_its_own_time(self) -> None:
        validator = compile_schema(with_a({"pattern": "^(a|a)*$"}))
        assert validator.errors({"a": "a" * 5_000 + "!"})

        assert validator.errors({"a": "aaa"}) == []

    def test_validators_serve_several_threads_at_once(self) -> None:
        validator = compile_schema(ORDER)
        wrong: list[Any] = []

        def check() -> None:
            wrong.extend(found for _ in range(50) if (found := validator.errors({"order_id": "ORD-1"})))

        threads = [threading.Thread(target=check) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert wrong == []
