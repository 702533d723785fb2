"""What a form for a plugin's settings is drawn from: a JSON Schema with all a field's author said of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from csai_sdk import PluginSettings

from csai.plugins.field import from_environment, hints_of, secret_fields

HINTS = ("env", "url", "address", "group", "labels")


def settings_schema(model: type[PluginSettings]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the settings, made plain for forms.

    An optional field has `null` among its types rather than an `anyOf`; a choice with labels is a `oneOf` of
    `const` and `title`; a secret is `writeOnly` and has no default.
    """
    schema = model.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            _drop_hints(field)
    secrets = secret_fields(model)
    properties = {
        name: {
            **_plain_property(field, definitions, is_secret=name in secrets),
            **_words(model, name),
        }
        for name, field in schema.get("properties", {}).items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"$defs": definitions} if "#/$defs/" in repr(properties) else {}),
    }


def form_groups(model: type[PluginSettings]) -> list[dict[str, Any]]:
    """The fields in the order in which they are shown, under the heading their author gave them."""
    groups: dict[str, list[str]] = {}
    for name in model.model_fields:
        groups.setdefault(str(hints_of(model.model_fields[name]).get("group", "")), []).append(name)
    return [{"title": title, "fields": names} for title, names in groups.items()]


def form_fields(
    model: type[PluginSettings],
    *,
    client_set: Collection[str],
    environment: Mapping[str, str] = os.environ,
) -> dict[str, dict[str, Any]]:
    """Where each setting comes from for a client, and whether it is set; no value of any."""
    secrets = secret_fields(model)
    in_environment = from_environment(model, environment, own=())
    in_force = from_environment(model, environment, own=client_set)
    fields = {}
    for name, field in model.model_fields.items():
        source = "client" if name in client_set else "environment" if name in in_force else "default"
        fields[name] = {
            "is_secret": name in secrets,
            "source": source,
            "is_set": source != "default",
            "env": hints_of(field).get("env"),
            "is_env_set": name in in_environment,
        }
    return fields


def _plain_property(
    field: Mapping[str, Any], definitions: Mapping[str, Any], *, is_secret: bool
) -> dict[str, Any]:
    plain = _resolved(dict(deepcopy(field)), definitions)
    alternatives = plain.get("anyOf", [])
    others = [each for each in alternatives if each.get("type") != "null"]
    if len(others) == 1 < len(alternatives):
        plain.pop("anyOf")
        plain = {**_optional(_resolved(dict(others[0]), definitions)), **plain}
    labels = plain.pop("labels", None)
    _drop_hints(plain)
    if isinstance(labels, Mapping) and "enum" in plain:
        plain["oneOf"] = [
            {"const": value, "title": str(labels.get(value, "" if value is None else value))}
            for value in plain.pop("enum")
        ]
    if is_secret:
        plain["writeOnly"] = True
        plain.pop("default", None)
    return plain


def _drop_hints(field: dict[str, Any]) -> None:
    for hint in HINTS:
        field.pop(hint, None)


def _words(model: type[PluginSettings], name: str) -> dict[str, str]:
    """What the author calls the field, which pydantic leaves out where it refers to a type."""
    field = model.model_fields[name]
    said = {"title": field.title, "description": field.description}
    return {what: words for what, words in said.items() if words}


def _resolved(field: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """An enumeration in its place, where pydantic only refers to it; its own words yield to the field's."""
    target = definitions.get(str(field.get("$ref", "")).removeprefix("#/$defs/"), {})
    if "enum" not in target:
        return field
    field.pop("$ref")
    return {"type": target.get("type", "string"), "enum": list(target["enum"]), **field}


def _optional(field: dict[str, Any]) -> dict[str, Any]:
    if "type" in field:
        field["type"] = [field["type"], "null"]
    if "enum" in field:
        field["enum"] = [*field["enum"], None]
    if "const" in field:
        field["enum"] = [field.pop("const"), None]
    return field if "type" in field else {"anyOf": [field, {"type": "null"}]}
