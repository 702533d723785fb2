"""The testkit judges a registration as the server's registry does."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai_sdk import Locale, PluginSettings, Provider, Tool, ToolBackend, hookimpl, hookspecs, tool
from csai_testkit.registration import PARTS, RegistrationError, read_registration
from csai_testkit.scripted import ScriptedProvider


@tool
def look_up(question: str) -> str:
    """Look something up."""
    return question


def with_schema(**schema: Any) -> Tool:
    made = tool(name="odd")(lambda: None)
    made.spec.parameters_schema.clear()  # type: ignore[attr-defined]
    made.spec.parameters_schema.update(schema)  # type: ignore[attr-defined]
    return made


def plugin(**hooks: Any) -> ModuleType:
    """A module whose hooks return what is given, or are what is given where that is a function."""
    module = ModuleType("made")
    for name, given in hooks.items():
        setattr(module, name, hookimpl(given if callable(given) else lambda given=given: given))
    return module


def nameless() -> ScriptedProvider:
    provider = ScriptedProvider(id="odd")
    provider.default_model = None  # type: ignore[assignment]
    return provider


async def asynchronous() -> None: ...


def synchronous() -> None: ...


BAD = {
    "unknown hook": plugin(register_tool=[look_up]),
    "misspelt event": plugin(message_recieved=asynchronous),
    "plain event hook": plugin(message_received=synchronous),
    "async register": plugin(register_tools=asynchronous),
    "wrong parameter": plugin(reply_sent=lambda event, context: None),
    "no tool": plugin(register_tools=["look_up"]),
    "no provider": plugin(register_providers=[look_up]),
    "settings of another kind": plugin(register_settings=lambda: dict),
    "provider's id": plugin(register_providers=[ScriptedProvider(id="Two Words")]),
    "no default model": plugin(register_providers=[nameless()]),
    "provider twice": plugin(register_providers=[ScriptedProvider(), ScriptedProvider()]),
    "tool twice": plugin(register_tools=[look_up, look_up]),
    "tool's name": plugin(register_tools=[tool(name="look up")(look_up.function)]),
    "tool's category": plugin(register_tools=[tool(category="c" * 51)(look_up.function)]),
    "text that cannot be stored": plugin(register_tools=[tool(category="\x00")(look_up.function)]),
    "schema of a list": plugin(register_tools=[with_schema(type="array")]),
    "schema that is none": plugin(register_tools=[with_schema(type="object", properties=3)]),
    "schema that is not JSON": plugin(register_tools=[with_schema(type="object", default={1, 2})]),
    "schema of elsewhere": plugin(register_tools=[with_schema(**{"$ref": "https://example.com/schema"})]),
    "huge schema": plugin(register_tools=[with_schema(type="object", description="d" * 64_000)]),
    "raises": plugin(register_tools=lambda: 1 / 0),
}
GOOD = {
    "tool": plugin(register_tools=[look_up]),
    "provider": plugin(register_providers=[ScriptedProvider()]),
    "event hook": plugin(message_received=asynchronous),
    "settings": plugin(register_settings=lambda: PluginSettings),
}


@pytest.mark.parametrize("name", BAD)
def test_what_the_server_keeps_out_is_refused(name: str) -> None:
    assert refused_by_the_server(BAD[name])
    with pytest.raises((RegistrationError, ZeroDivisionError)):
        read_registration(BAD[name])


@pytest.mark.parametrize("name", GOOD)
def test_what_the_server_takes_is_taken(name: str) -> None:
    assert not refused_by_the_server(GOOD[name])
    read_registration(GOOD[name])


def test_every_contributing_hook_is_read() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("register_")} - {"register_settings"}
    assert set(PARTS) == hooks
    assert {Provider, Tool, ToolBackend, Locale} <= {base for _, base in PARTS.values()}


def refused_by_the_server(module: ModuleType) -> bool:
    registry = PluginRegistry()
    registry.register(Found("made", module, "csai-made", "1"))
    return "made" in registry.quarantined
