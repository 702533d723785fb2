"""What a plugin registers, read and judged by the server's rules.

The server's registry is the judge; a test holds that what it refuses is refused here too.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pluggy
from csai_sdk import (
    Channel,
    Gateway,
    Integration,
    Locale,
    PluginSettings,
    Provider,
    Tool,
    ToolBackend,
    WebFiles,
    hookspecs,
)
from pydantic import BaseModel
from pydantic.errors import PydanticUserError

_ID = re.compile(r"[a-z0-9_-]{1,50}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SOUNDS_ADDRESS = re.compile(r"(^|_)(url|uri|host|hostname|port|endpoint|issuer|domain)s?$")
_MAX_CATEGORY_CHARS = 50
_MAX_SCHEMA_BYTES = 64_000

PARTS: Mapping[str, tuple[str, type]] = {
    "register_providers": ("provider", Provider),
    "register_tools": ("tool", Tool),
    "register_tool_backends": ("tool backend", ToolBackend),
    "register_integrations": ("integration", Integration),
    "register_gateways": ("gateway", Gateway),
    "register_channels": ("channel", Channel),
    "register_locales": ("locale", Locale),
    "register_web": ("web", WebFiles),
}
"""The contributing hooks: the kind of what each returns, and its class."""


class RegistrationError(Exception):
    """The server would keep the plugin out; the message says why."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a plugin registered; parts by kind."""

    settings_model: type[PluginSettings]
    parts: Mapping[str, tuple[Any, ...]]
    event_hooks: Mapping[str, Callable[..., Any]]

    @property
    def models(self) -> list[type[PluginSettings]]:
        """Of the plugin's settings, and of what channels' accounts and connections are set up with."""
        return [
            self.settings_model,
            *(channel.account_model for channel in self.parts.get("channel", ())),
            *(integration.connection_settings for integration in self.parts.get("integration", ())),
        ]

    def names(self) -> dict[str, list[str]]:
        """The parts' names by kind."""
        return {kind: [part_name(part) for part in parts] for kind, parts in self.parts.items()}


def part_name(part: Any) -> str:
    """What a part is called among its kind."""
    if isinstance(part, Tool):
        return part.spec.name
    for attribute in ("id", "code", "path"):
        if isinstance(name := getattr(part, attribute, None), str):
            return name
    raise RegistrationError(f"{type(part).__name__} has no id")


def settings_faults(model: type[PluginSettings]) -> list[str]:
    """What an admin's form would lack."""
    faults = []
    for name, field in model.model_fields.items():
        if field.is_required():
            faults.append(f"'{name}' needs a default: a plugin is switched on before it is set up")
        faults += [
            f"'{name}' needs a {what}" for what in ("title", "description") if not getattr(field, what)
        ]
    try:
        json.dumps(model.model_json_schema(), allow_nan=False)
    except (TypeError, ValueError, PydanticUserError) as error:
        faults.append(f"there is no JSON Schema of them: {error}")
    return faults


def unmarked_addresses(annotation: Any) -> list[str]:
    """The settings that sound like an address, of a model or within one, and do not say whether they are."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return [name for argument in get_args(annotation) for name in unmarked_addresses(argument)]
    found = []
    for name, field in annotation.model_fields.items():
        hints = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if _SOUNDS_ADDRESS.search(name) and not {"url", "address"} & hints.keys():
            found.append(name)
        found += unmarked_addresses(field.annotation)
    return found


def read_registration(plugin: object) -> Registration:
    """Call the plugin's contributing hooks. Raises `RegistrationError`, and whatever they raise."""
    hooks = _hooks_of(plugin)
    settings_model = hooks.pop("register_settings", lambda: PluginSettings)()
    if not (isinstance(settings_model, type) and issubclass(settings_model, PluginSettings)):
        raise RegistrationError("register_settings must return a subclass of csai_sdk.PluginSettings")
    parts = {}
    for hook, (kind, base) in PARTS.items():
        items = tuple(hooks.pop(hook)()) if hook in hooks else ()
        for item in items:
            if not isinstance(item, base):
                raise RegistrationError(f"{hook} must return {base.__name__} objects, not {item!r}")
        if items:
            parts[kind] = items
    _check_parts(parts)
    return Registration(settings_model, parts, hooks)


def _hooks_of(plugin: object) -> dict[str, Callable[..., Any]]:
    manager = pluggy.PluginManager("csai")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name="plugin")
    except pluggy.PluginValidationError as error:
        raise RegistrationError(str(error)) from error
    callers = manager.get_hookcallers(plugin) or []
    unknown = sorted(caller.name for caller in callers if not caller.has_spec())
    if unknown:
        raise RegistrationError(f"it implements hooks that do not exist: {', '.join(unknown)}")
    hooks = {caller.name: impl.function for caller in callers for impl in caller.get_hookimpls()}
    for name, function in hooks.items():
        is_async = inspect.iscoroutinefunction(getattr(hookspecs, name))
        if inspect.iscoroutinefunction(function) != is_async:
            raise RegistrationError(f"its hook {name} must be {'async' if is_async else 'a plain function'}")
    return hooks


def _check_parts(parts: Mapping[str, tuple[Any, ...]]) -> None:
    for kind, items in parts.items():
        names = [part_name(item) for item in items]
        for name in names:
            if names.count(name) > 1:
                raise RegistrationError(f"it registers the {kind} '{name}' twice")
            if kind not in ("tool", "locale", "web") and not _ID.fullmatch(name):
                raise RegistrationError(f"the id {name!r} must be 1 to 50 of the characters a-z 0-9 _ -")
    for provider in parts.get("provider", ()):
        if not isinstance(getattr(provider, "default_model", None), str):
            raise RegistrationError(f"the provider '{provider.id}' has no default_model")
    for tool in parts.get("tool", ()):
        _check_tool(tool)


def _check_tool(tool: Tool) -> None:
    name = tool.spec.name
    if not _TOOL_NAME.fullmatch(name):
        raise RegistrationError(f"the tool name {name!r} must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    text = tool.category + tool.spec.description
    if len(tool.category) > _MAX_CATEGORY_CHARS or not _is_clean(text):
        raise RegistrationError(
            f"the tool '{name}' needs a category of at most {_MAX_CATEGORY_CHARS} characters, "
            "and text that can be stored"
        )
    _check_schema(tool)


def _is_clean(text: str) -> bool:
    return "\x00" not in text and text.encode("utf-8", "replace").decode() == text


def _check_schema(tool: Tool) -> None:
    """Only what the decorator cannot see to; the server looks closer (references, patterns)."""
    from jsonschema import Draft202012Validator, SchemaError

    schema = tool.spec.parameters_schema
    problem = ""
    try:
        if len(json.dumps(schema, allow_nan=False)) > _MAX_SCHEMA_BYTES:
            problem = f"it has more than {_MAX_SCHEMA_BYTES} characters"
        Draft202012Validator.check_schema(dict(schema))
    except (TypeError, ValueError, RecursionError, SchemaError) as error:
        problem = str(error).partition("\n")[0]
    if not problem and schema.get("type", "object") != "object":
        problem = 'a tool\'s arguments are an object: set "type" to "object"'
    if not problem and any("://" in reference for reference in _references(schema)):
        problem = "it refers to another document, and none is fetched"
    if problem:
        raise RegistrationError(f"the schema of the tool '{tool.spec.name}' cannot be used: {problem}")


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [found for item in schema for found in _references(item)]
    if not isinstance(schema, Mapping):
        return []
    own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    return own + [found for item in schema.values() for found in _references(item)]
