"""What a form is drawn from: plain JSON Schema, with all that the fields' author said."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from csai.plugins.field import secret_fields
from csai.plugins.form import form_fields, form_groups, settings_schema
from csai.plugins.registry import PluginRegistry
from csai_sdk import PluginSettings
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, SecretStr


class Mood(Enum):
    CALM = "calm"
    LOUD = "loud"


class Door(BaseModel):
    code: SecretStr = SecretStr("0000")


class Config(PluginSettings):
    mood: Mood = Field(Mood.CALM, title="Mood", json_schema_extra={"labels": {"calm": "Calm"}})
    pace: Literal["slow", "fast"] | None = Field(None, title="Pace", json_schema_extra={"labels": {}})
    weights: Annotated[list[float], Field(max_length=3)] | None = Field(None, title="Weights")
    either: int | str = Field(1, title="Either")
    keys: list[SecretStr] = Field([SecretStr("a default")], title="Keys")
    door: Door = Field(Door(), title="Door")
    base_url: str = Field("", title="URL", json_schema_extra={"env": "X_URL", "url": True, "group": "Far"})


FIELDS = settings_schema(Config)["properties"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "mood",
            {
                "title": "Mood",
                "type": "string",
                "default": "calm",
                "oneOf": [{"const": "calm", "title": "Calm"}, {"const": "loud", "title": "loud"}],
            },
        ),
        (
            "pace",
            {
                "title": "Pace",
                "type": ["string", "null"],
                "default": None,
                "oneOf": [
                    {"const": "slow", "title": "slow"},
                    {"const": "fast", "title": "fast"},
                    {"const": None, "title": ""},
                ],
            },
        ),
        (
            "weights",
            {
                "title": "Weights",
                "type": ["array", "null"],
                "items": {"type": "number"},
                "maxItems": 3,
                "default": None,
            },
        ),
        (
            "either",
            {"title": "Either", "default": 1, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        ),
        ("base_url", {"title": "URL", "type": "string", "default": ""}),
    ],
)
def test_a_field_is_told_plainly(name: str, expected: dict[str, Any]) -> None:
    assert FIELDS[name] == expected


def test_a_secret_is_only_written_however_deep_it_lies() -> None:
    assert secret_fields(Config) == {"keys", "door"}
    for name in ("keys", "door"):
        assert FIELDS[name]["writeOnly"]
        assert "default" not in FIELDS[name]


def test_it_is_told_where_a_value_comes_from_and_no_value() -> None:
    fields = form_fields(Config, client_set={"mood"}, environment={"X_URL": "http://user:pass@x"})
    assert [fields[name]["source"] for name in ("mood", "base_url", "pace")] == [
        "client",
        "environment",
        "default",
    ]
    assert "pass" not in repr(fields)
    assert form_groups(Config)[1] == {"title": "Far", "fields": ["base_url"]}


@pytest.mark.parametrize("plugin", PluginRegistry.load().plugins.values(), ids=lambda plugin: plugin.id)
def test_every_bundled_plugin_says_all_a_form_needs(plugin: Any) -> None:
    model = plugin.settings_model
    schema = settings_schema(model)
    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == list(model.model_fields)
    for name, field in schema["properties"].items():
        assert field.get("title"), name
        assert field.get("description"), name
        extra = model.model_fields[name].json_schema_extra or {}
        known = {choice["const"] for choice in field.get("oneOf", ())}
        assert set(extra.get("labels", {})) <= known, name
