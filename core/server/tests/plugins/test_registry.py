"""The end of the process: every plugin is asked to close, whatever the others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from csai.plugins.discovery import Found
from csai.plugins.registry import PluginRegistry
from csai_sdk import (
    Channel,
    Gateway,
    Integration,
    Locale,
    ModelReply,
    ModelRequest,
    PluginContext,
    Provider,
    hookimpl,
)


class Voice(Provider):
    default_model = "voice-1"

    def __init__(self, name: str, fault: BaseException | None = None) -> None:
        self.id = name
        self.is_closed = False
        self._fault = fault

    async def stream(self, request: ModelRequest, ctx: PluginContext) -> AsyncIterator[str | ModelReply]:
        yield ModelReply("", "end", None, "voice-1")

    async def close(self) -> None:
        self.is_closed = True
        if self._fault:
            raise self._fault


def plugin_of(*providers: Provider) -> Any:
    return SimpleNamespace(register_providers=hookimpl(lambda: providers))


@pytest.mark.parametrize("fault", [RuntimeError("broken"), SystemExit(1)], ids=["raises", "exits"])
async def test_a_plugin_that_cannot_close_does_not_keep_the_others_open(fault: BaseException) -> None:
    voices = [Voice("first", fault), Voice("second")]
    registry = PluginRegistry()
    for voice in voices:
        registry.register(Found(voice.id, plugin_of(voice), "test", "0"))

    await registry.close()

    assert [voice.is_closed for voice in voices] == [True, True]


def test_one_module_under_two_names_is_one_plugin() -> None:
    module = plugin_of(Voice("voice"))
    registry = PluginRegistry()
    registry.register(Found("one", module, "test", "0"))
    registry.register(Found("two", module, "test", "0"))

    assert list(registry.plugins) == ["one"]
    assert list(registry.quarantined) == ["two"]
    assert registry.providers["voice"][0] == "one"


@pytest.mark.parametrize(
    ("hook", "kind", "name"),
    [
        ("register_integrations", Integration, "integration"),
        ("register_gateways", Gateway, "gateway"),
        ("register_channels", Channel, "channel"),
        ("register_locales", Locale, "locale"),
    ],
)
def test_what_a_plugin_contributes_says_its_kind(hook: str, kind: type[Any], name: str) -> None:
    made: Any = type("Part", (kind,), {"id": "part"})
    made.__abstractmethods__ = frozenset()
    part = made()
    registry = PluginRegistry()
    registry.register(
        Found("part", SimpleNamespace(**{hook: hookimpl(lambda: [part], specname=hook)}), "d", "1")
    )
    registry.register(
        Found("wrong", SimpleNamespace(**{hook: hookimpl(lambda: ["x"], specname=hook)}), "d", "1")
    )
    assert registry.plugins["part"].kinds == [name]
    assert f"{hook} must return" in registry.quarantined["wrong"].cause


async def test_a_plugin_that_hangs_at_its_end_does_not_hold_up_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("csai.plugins.registry.CLOSE_S", 0.01)

    class Hangs(Voice):
        async def close(self) -> None:
            await asyncio.Event().wait()

    registry = PluginRegistry()
    registry.register(Found("hangs", plugin_of(Hangs("hangs")), "d", "1"))
    async with asyncio.timeout(10):
        await registry.close()
